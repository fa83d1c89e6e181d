"""The network's layers, and training that goes on where it stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mslesion.errors import ModelFileError
from mslesion.paper import training
from mslesion.paper.network import describe_layers
from mslesion.paper.protocol import AugmentationProtocol, NetworkProtocol, Protocol
from mslesion.paper.training import LabelledImages, Recipe, predict_scores, train_network


@pytest.fixture
def recipe(quick_protocol: Protocol) -> Recipe:
    """The paper's network, trained for a few epochs."""
    return Recipe(NetworkProtocol(), quick_protocol.training, AugmentationProtocol(), seed=7)


def test_every_layer_of_the_paper_is_there_in_its_order() -> None:
    """Input, three blocks, fully connected, sigmoid, dropout, fully connected, softmax."""
    names = [layer.name for layer in describe_layers(NetworkProtocol(), 64)]
    block = ["convolution {}", "ReLU {}", "average pooling {}"]
    blocks = [part.format(number) for number in (1, 2, 3) for part in block]
    assert names == ["input", *blocks, "flatten", "fully connected 1", "sigmoid", "dropout",
                     "fully connected 2", "softmax"]  # fmt: skip


def test_parameters_are_as_many_as_counted_by_hand() -> None:
    """Kernels of 3x3 and biases, then 8x8x32 pixels to 64 units to 2: 137,154 in all."""
    layers = {layer.name: layer for layer in describe_layers(NetworkProtocol(), 64)}
    assert layers["convolution 1"].parameter_count == 8 * (1 * 9 + 1)
    assert layers["convolution 2"].parameter_count == 16 * (8 * 9 + 1)
    assert layers["convolution 3"].parameter_count == 32 * (16 * 9 + 1)
    assert layers["average pooling 3"].output_shape == (32, 8, 8)
    assert layers["fully connected 1"].parameter_count == 2048 * 64 + 64
    assert layers["fully connected 2"].parameter_count == 64 * 2 + 2
    assert sum(layer.parameter_count for layer in layers.values()) == 137_154


def test_max_pooling_changes_the_pooling_and_nothing_else() -> None:
    """The ablation has the same shapes and parameters."""
    average = describe_layers(NetworkProtocol(), 64)
    largest = describe_layers(NetworkProtocol(pooling="max"), 64)
    assert [layer.output_shape for layer in average] == [layer.output_shape for layer in largest]
    assert sum(a.name != b.name for a, b in zip(average, largest, strict=True)) == 3


def test_training_learns_what_can_be_learned(
    training_images: LabelledImages, validation_images: LabelledImages, recipe: Recipe
) -> None:
    """A bright square is found in images that were not trained on, and the loss falls."""
    trained = train_network(training_images, validation_images, recipe)
    answers = predict_scores(trained.network, validation_images.pixels).argmax(axis=1)
    assert (answers == validation_images.labels).mean() >= 0.9
    assert trained.curve[-1].training_loss < trained.curve[0].training_loss
    losses = [epoch.validation_loss for epoch in trained.curve]
    assert trained.kept_epoch == 1 + int(np.argmin(losses))


def test_without_validation_the_last_epoch_is_kept(
    training_images: LabelledImages, recipe: Recipe
) -> None:
    """Nothing chooses among the epochs where nothing was held out."""
    trained = train_network(training_images, None, recipe)
    assert trained.kept_epoch == recipe.training.epochs
    assert np.isnan(trained.curve[0].validation_loss)


@pytest.mark.parametrize("stopped_in_epoch", [0, 1, 3])
def test_interrupted_training_ends_in_the_same_weights(
    training_images: LabelledImages,
    validation_images: LabelledImages,
    recipe: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stopped_in_epoch: int,
) -> None:
    """Stopped in any epoch and started again, training gives the same weights to the bit."""
    undisturbed = train_network(training_images, validation_images, recipe)
    checkpoint = tmp_path / "state.safetensors"
    run_epoch = training._run_epoch

    def stop(state, number, *rest):
        if number == stopped_in_epoch:
            raise KeyboardInterrupt
        run_epoch(state, number, *rest)

    monkeypatch.setattr(training, "_run_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        train_network(training_images, validation_images, recipe, checkpoint)
    monkeypatch.setattr(training, "_run_epoch", run_epoch)
    torch.manual_seed(stopped_in_epoch)  # whatever happened to the generator meanwhile
    resumed = train_network(training_images, validation_images, recipe, checkpoint)

    assert resumed.curve == undisturbed.curve
    assert resumed.kept_epoch == undisturbed.kept_epoch
    for name, tensor in undisturbed.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name


def test_the_number_of_threads_does_not_change_the_weights(
    training_images: LabelledImages, validation_images: LabelledImages, recipe: Recipe
) -> None:
    """One thread or two: the same weights to the bit, and the caller's setting is kept."""
    results = []
    before = torch.get_num_threads()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(train_network(training_images, validation_images, recipe).network)
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    for name, tensor in results[0].state_dict().items():
        assert torch.equal(tensor, results[1].state_dict()[name])


def test_an_image_has_its_probability_alone_and_in_company(
    training_images: LabelledImages, recipe: Recipe
) -> None:
    """One image, or seventy: the same probability to the bit; none: none."""
    network = train_network(training_images, None, recipe).network
    images = np.random.default_rng(0).normal(size=(70, 16, 16)).astype(np.float32)
    together = predict_scores(network, images)
    assert together.shape == (70, 2)
    np.testing.assert_allclose(together.sum(axis=1), 1)
    for index in (0, 63, 64, 69):
        alone = predict_scores(network, images[index : index + 1])
        np.testing.assert_array_equal(alone[0], together[index])
    assert predict_scores(network, images[:0]).shape == (0, 2)


def test_a_checkpoint_of_other_data_is_refused(
    training_images: LabelledImages,
    validation_images: LabelledImages,
    recipe: Recipe,
    tmp_path: Path,
) -> None:
    """Going on with other images or another seed would mix two trainings."""
    checkpoint = tmp_path / "state.safetensors"
    train_network(training_images, validation_images, recipe, checkpoint)
    written = checkpoint.read_bytes()
    with pytest.raises(ModelFileError, match="other data or settings"):
        train_network(validation_images, validation_images, recipe, checkpoint)
    with pytest.raises(ModelFileError, match="other data or settings"):
        train_network(training_images, validation_images, replace(recipe, seed=8), checkpoint)
    assert checkpoint.read_bytes() == written


def test_a_damaged_checkpoint_is_refused(
    training_images: LabelledImages, recipe: Recipe, tmp_path: Path
) -> None:
    """Half a file is named as damaged, with what to do."""
    checkpoint = tmp_path / "state.safetensors"
    train_network(training_images, None, recipe, checkpoint)
    checkpoint.write_bytes(checkpoint.read_bytes()[: checkpoint.stat().st_size // 2])
    with pytest.raises(ModelFileError, match=r"damaged.*delete it to start anew"):
        train_network(training_images, None, recipe, checkpoint)
