"""Run by an interpreter that has the wheel alone, in a folder outside of the checkout."""

import importlib
import importlib.util
import pkgutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import rarefy
from rarefy.errors import MissingExtraError
from rarefy.index import Index, Writer

home = Path(rarefy.__file__).parent
assert "site-packages" in home.parts, f"rarefy came from {home}, not from the wheel"
for name in ["torch", "faiss", "ir_measures"]:
    assert importlib.util.find_spec(name) is None, (
        f"{name} is installed: the extras are not optional"
    )

documents = sp.csr_array(np.array([[1, 0, 2], [0, 3, 0], [2, 0, 0]], np.float32))
index = Index.build(documents, ids=["a", "b", "c"])
hits = index.search(sp.csr_array([[1.0, 0, 1]]), k=3)
assert hits.ids[0].tolist() == ["a", "c", None], hits
with tempfile.TemporaryDirectory() as folder:
    index.save(Path(folder) / "index")
    opened = Index.open(Path(folder) / "index")
    assert opened.search(documents, k=1).rows.tolist() == [[0], [1], [2]]
    with Writer(Path(folder) / "index") as writer:
        writer.delete(["b"])
    assert opened.refresh() and opened.ids == ["a", "c"]

EXTRAS = {"torch", "transformers", "sentence_transformers", "Stemmer", "matplotlib", "jinja2"}
EXTRAS |= {"llama_index", "pandas", "pyterrier"}
EXTRAS |= {"fastapi", "haystack", "langchain_core", "mcp", "prometheus_client", "pydantic"}
EXTRAS |= {"msgspec", "pydantic_core", "starlette", "uvicorn"}
for module in pkgutil.walk_packages(rarefy.__path__, "rarefy."):
    try:
        importlib.import_module(module.name)
    except ImportError as error:
        assert error.name in EXTRAS, f"{module.name} is not in the wheel, or needs {error.name}"
assert "torch" not in sys.modules

try:
    rarefy.load("minilm-d2s")
except MissingExtraError as error:
    assert "pip install 'rarefy[encode]'" in str(error), error
else:
    raise AssertionError("a model loaded without torch")
print(f"rarefy {rarefy.__version__} from {home}: built, searched and saved an index without extras")
