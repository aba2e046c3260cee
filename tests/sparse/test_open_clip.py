"""Both towers of open_clip's checkpoints, tiny and random, against open_clip itself."""

from __future__ import annotations

import copy
import json
from importlib.util import find_spec

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if find_spec("open_clip") is None:
    pytest.skip("open_clip is not installed", allow_module_level=True)
try:
    import torchvision  # noqa: F401
except RuntimeError:  # a wheel for CUDA, beside a PyTorch for CPUs: its operators are not needed
    for name in ("nms", "qnms"):
        torch.library.define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")
pytest.importorskip("sentence_transformers")
transformers = pytest.importorskip("transformers")
image = pytest.importorskip("PIL.Image")
import open_clip  # noqa: E402
from open_clip.push_to_hf_hub import save_for_hf  # noqa: E402

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import (  # noqa: E402
    DenseEncoder,
    DenseToSparse,
    ImageEncoder,
    SparseModel,
    Vocabulary,
)
from rarefy.sparse.encoders.pictures import read_picture  # noqa: E402

pytestmark = pytest.mark.models

VISION = {"image_size": 32, "layers": 1, "width": 16, "head_width": 8, "patch_size": 16}
TEXT = {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
SMALL = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
CONFIGS = {
    "clip": {"embed_dim": 8, "vision_cfg": VISION, "text_cfg": TEXT},
    "custom_text": {"embed_dim": 8, "vision_cfg": VISION, "text_cfg": TEXT, "custom_text": True},
    "coca": {
        "embed_dim": 8,
        "vision_cfg": {
            **VISION,
            "attentional_pool": True,
            "attn_pooler_heads": 2,
            "output_tokens": True,
        },
        "text_cfg": {**TEXT, "embed_cls": True, "output_tokens": True},
        "multimodal_cfg": TEXT,
        "custom_text": True,
    },
    "multilingual": {
        "embed_dim": 8,
        "vision_cfg": VISION,
        "text_cfg": {
            "hf_model_name": "xlm-roberta-base",
            "hf_tokenizer_name": "xlm-roberta-base",
            "hf_proj_type": "mlp",
            "hf_pooler_type": "mean_pooler",
        },
    },
    "eva": {
        "embed_dim": 8,
        "vision_cfg": {
            "image_size": 224,
            "timm_model_name": "eva02_tiny_patch14_224",
            "timm_pool": "token",
            "timm_proj": None,
        },
        "text_cfg": TEXT,
        "custom_text": True,
    },
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tokenizer):
    """Write a checkpoint as open_clip does."""

    def written(family):
        folder = tmp_path_factory.mktemp(family)
        config = copy.deepcopy(CONFIGS[family])
        if "hf_model_name" in config["text_cfg"]:
            config["text_cfg"]["hf_model_name"] = str(folder / "text")
            transformers.XLMRobertaConfig(vocab_size=len(tokenizer), **SMALL).save_pretrained(
                folder / "text"
            )
        (folder / "open_clip_config.json").write_text(
            json.dumps({"model_cfg": config, "preprocess_cfg": {"mean": [0.4] * 3}})
        )
        torch.manual_seed(0)
        tokenizer.save_pretrained(folder)
        model = open_clip.create_model(f"local-dir:{folder}", pretrained_text=False)
        save_for_hf(model, tokenizer, config, folder, safe_serialization=True)
        return folder

    return written


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    names = [str(folder / f"{number}.png") for number in range(3)]
    for name in names:
        image.fromarray(random.integers(0, 255, (40, 30, 3), dtype=np.uint8)).save(name)
    return names


@pytest.mark.parametrize("family", CONFIGS)
def test_both_towers(family, checkpoint, pictures, texts):
    folder = checkpoint(family)
    images, words = ImageEncoder(folder, cache=False), DenseEncoder(folder, cache=False)
    model, transform = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        pixels = torch.stack([transform(read_picture(name)) for name in pictures])
        drawn = model.encode_image(pixels, normalize=False)
        tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(texts)
        said = model.encode_text(tokens, normalize=False)
    assert images.dimension == words.dimension == drawn.shape[1]
    np.testing.assert_allclose(images.encode(pictures), drawn, atol=1e-5)
    np.testing.assert_allclose(words.encode(texts), said, atol=0.05)  # bfloat16, perhaps
    assert np.ptp(drawn.numpy(), axis=0).max() > 0


def test_saved_with_a_head(checkpoint, pictures, tmp_path):
    images = ImageEncoder(checkpoint("clip"), cache=False)
    head = DenseToSparse.random(images.dimension, 6, threshold=0.0)
    SparseModel(images, head, vocabulary=Vocabulary(list("abcdef"))).save(tmp_path)
    loaded = SparseModel.load(tmp_path, cache=False)
    assert loaded.pictured == {"query", "document"}
    expected = head.project(images.encode(pictures), "document")
    np.testing.assert_allclose(
        loaded.encode_documents(pictures).toarray(), expected.toarray(), atol=1e-5
    )


def test_bad_input(checkpoint):
    folder = checkpoint("clip")
    (folder / "open_clip_config.json").write_text("{}")
    with pytest.raises(InputError, match=r"the model .* cannot be loaded: expected a folder"):
        ImageEncoder(folder)
