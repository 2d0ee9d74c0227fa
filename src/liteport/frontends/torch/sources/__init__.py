"""Everything that users call a PyTorch model, loaded safely into an nn.Module or an ExportedProgram."""

from liteport.frontends.torch.sources.load import Loaded, load

__all__ = ["Loaded", "load"]
