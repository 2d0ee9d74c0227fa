"""The page of ONNX's operators says what the code and the stored results say."""

from __future__ import annotations

from docs.generate_onnx_operators import PAGE, page


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "python -m docs.generate_onnx_operators"
