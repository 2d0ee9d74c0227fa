"""docs/forms.md is what the code says."""

from docs.generate_forms import PAGE, page


def test_the_forms_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m docs.generate_forms"
