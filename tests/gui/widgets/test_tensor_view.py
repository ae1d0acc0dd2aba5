"""Tensors of every rank, type and size are shown, read out, sliced, copied and exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLabel
from pytestqt.qtbot import QtBot

from engine.graph.model import TensorInfo
from engine.graph.summary import summarize
from gui.theme import DARK, LIGHT
from gui.widgets.heat_view import HeatView
from gui.widgets.scale_bar import ScaleBar
from gui.widgets.statistics_view import StatisticsView
from gui.widgets.tensor_view import TensorView, exact_text, number_text


def info_of(array: np.ndarray, note: str | None = None) -> TensorInfo:
    return TensorInfo(shape=array.shape, dtype=str(array.dtype), array=array, note=note)


def shown(qtbot: QtBot, info: TensorInfo, width: int = 260) -> TensorView:
    view = TensorView()
    qtbot.addWidget(view)
    view.set_tensor(info, LIGHT)
    view.resize(width, max(view.heightForWidth(width), 10))
    view.show()
    qtbot.waitExposed(view)
    return view


def heat_of(view: TensorView) -> HeatView:
    heat = view.findChild(HeatView)
    assert heat is not None
    return heat


def readout(view: TensorView, row: int, column: int) -> str:
    heat_of(view).hovered.emit(row, column)
    return view.readout


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4), (2, 3, 4), (1, 2, 3, 4, 5), (700, 900), (100_000,), (5, 1)])
def test_every_rank_is_drawn_within_its_width(qtbot: QtBot, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    view = shown(qtbot, info_of(array))
    assert heat_of(view).isVisible()
    assert view.minimumSizeHint().width() <= 260
    assert len(view.index) == max(len(shape) - 2, 0)
    assert not view.grab().isNull()


def test_pointing_at_a_cell_reads_its_index_and_value(qtbot: QtBot) -> None:
    view = shown(qtbot, info_of(np.array([[1.0, -2.5], [3.0, 4.0]])))
    heat = heat_of(view)
    QTest.mouseMove(heat, QPoint(10, 10))
    cell = heat.cell_at(QPoint(heat.width() - 2, 40))
    assert cell is None or cell[0] == 1
    assert readout(view, 0, 1) == "[0, 1] −2.5"
    assert readout(view, -1, -1) == ""


def test_arrow_keys_move_through_the_cells(qtbot: QtBot) -> None:
    view = shown(qtbot, info_of(np.array([[1.0, 2.0], [3.0, 4.0]])))
    heat = heat_of(view)
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(heat, key)
    assert view.readout == "[1, 1] 4.0"


def test_an_element_is_read_out_with_the_digits_of_its_type(qtbot: QtBot) -> None:
    view = shown(qtbot, info_of(np.array([[0.1, -1e-38], [3.4e38, 1.0]], dtype=np.float32)))
    assert [readout(view, *place) for place in ((0, 0), (0, 1), (1, 0))] == [
        "[0, 0] 0.1", "[0, 1] −1e−38", "[1, 0] 3.4e+38",
    ]  # fmt: skip
    assert readout(shown(qtbot, info_of(np.array([[True, False]]))), 0, 1) == "[0, 1] False"


@pytest.mark.parametrize(
    ("axes", "text"),
    [
        ((), "one slice of dim 0 at a time"),
        (("batch", "channel"), "one sample at a time"),
        (("head",), "one head at a time"),
    ],
)
def test_the_choice_of_an_axis_reads_as_a_sentence(qtbot: QtBot, axes: tuple[str, ...], text: str) -> None:
    view = TensorView()
    qtbot.addWidget(view)
    view.set_tensor(info_of(np.zeros((2, 3, 4))), LIGHT, axes=axes)
    assert view.over.itemText(0) == text


def test_slices_of_further_axes_are_chosen_by_number(qtbot: QtBot) -> None:
    array = np.arange(24.0).reshape(2, 3, 2, 2)
    view = shown(qtbot, info_of(array))
    view.set_index((1, 2))
    assert readout(view, 1, 0) == f"[1, 2, 1, 0] {array[1, 2, 1, 0]}"
    assert view.as_text() == "20.0\t21.0\n22.0\t23.0"


def test_blocks_of_a_large_matrix_are_read_as_ranges(qtbot: QtBot) -> None:
    array = np.zeros((2000, 2000))
    array[0, 0], array[1, 1] = -7.0, np.nan
    view = shown(qtbot, info_of(array))
    text = readout(view, 0, 0)
    assert text.startswith("[0–")
    assert "−7 to 0" in text
    assert text.endswith("with NaN")


@pytest.mark.parametrize(
    "array",
    [
        np.array([True, False]),
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.array([1 + 2j, 3 - 1j], dtype=np.complex64),
        np.array([1, 2], dtype=np.float16),
        np.zeros((0, 3)),
        np.full((3, 3), np.nan),
        np.array([np.inf, -np.inf, 1e308, -1e308]),
        np.zeros((4, 4)),
    ],
)
def test_every_kind_of_number_is_shown_in_both_themes(qtbot: QtBot, array: np.ndarray) -> None:
    view = shown(qtbot, info_of(array))
    view.grab()
    view.set_tensor(info_of(array), DARK, is_gradient=True)
    view.grab()
    assert heat_of(view).isVisible() == (array.size > 0)


def test_values_that_were_not_kept_say_why_and_still_have_statistics(qtbot: QtBot) -> None:
    array = np.arange(10.0)
    info = TensorInfo(shape=(10,), dtype="float32", note="larger than the budget", recorded_summary=summarize(array))
    view = shown(qtbot, info)
    assert not heat_of(view).isVisible()
    assert view.note == "larger than the budget"
    statistics = view.findChild(StatisticsView)
    assert statistics is not None
    assert statistics.isVisible()
    assert statistics.text("max") == "9"


def test_statistics_count_zeros_nan_and_inf(qtbot: QtBot) -> None:
    array = np.array([0.0, 0.0, 1.0, np.nan, np.inf, -np.inf])
    view = shown(qtbot, info_of(array))
    statistics = view.findChild(StatisticsView)
    assert statistics is not None
    assert (statistics.text("zeros"), statistics.text("NaN"), statistics.text("Inf")) == ("2", "1", "2")


def test_a_tensor_is_exported_as_numpy_file(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(1).normal(size=(3, 5)).astype(np.float32)
    view = shown(qtbot, info_of(array))
    target = tmp_path / "w.npy"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    view.actions_.export.trigger()
    assert np.array_equal(np.load(target), array)
    assert view.readout == "Saved as w.npy."
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "layer.0"), ""))
    view.actions_.export.trigger()
    assert np.array_equal(np.load(tmp_path / "layer.0.npy"), array)
    assert view.readout == "Saved as layer.0.npy."
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "no" / "w.npy"), ""))
    view.actions_.export.trigger()
    assert view.readout.startswith("Not written: No such file or directory")


def test_copying_puts_the_slice_on_the_clipboard(qtbot: QtBot) -> None:
    view = shown(qtbot, info_of(np.array([0.1, 0.25], dtype=np.float32)))
    view.actions_.copy.trigger()
    assert QApplication.clipboard().text() == "0.1\t0.25"


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (info_of(np.array(-0.0816602, dtype=np.float32)), "−0.08166"),
        (info_of(np.array([3.0, 4.0])), "norm 5"),
        (TensorInfo(shape=(2, 3), dtype="float32"), "2 × 3"),
        (info_of(np.array(1 - 2j)), "1 − 2i"),
        (info_of(np.array(True)), "1"),
    ],
)
def test_a_tensor_in_a_few_characters(info: TensorInfo, text: str) -> None:
    assert number_text(info) == text


def test_the_exact_text_is_what_the_type_holds() -> None:
    assert exact_text(np.array(0.1, dtype=np.float32)) == "0.1"
    assert float(exact_text(np.array(1 / 3))) == 1 / 3
    assert exact_text(np.array([True])) == "True"


def test_a_tensor_is_copied_as_code(qtbot: QtBot) -> None:
    torch = pytest.importorskip("torch")
    array = np.array([[1.5, np.nan], [-np.inf, 0.1]], dtype=np.float32)
    view = shown(qtbot, info_of(array))
    view.actions_.copy_code.trigger()
    names: dict[str, object] = {}
    exec(QApplication.clipboard().text().replace("torch.tensor(", "made = torch.tensor("), names)
    made = names["made"]
    assert isinstance(made, torch.Tensor)
    assert made.dtype == torch.float32
    np.testing.assert_array_equal(made.numpy(), array)


def test_the_mean_over_a_batch_takes_the_place_of_one_sample(qtbot: QtBot) -> None:
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4) - 12
    view = shown(qtbot, info_of(array))
    assert not view.over.isHidden()
    for place, expected in ((1, array.mean(0)), (2, np.abs(array).mean(0)), (3, np.square(array).mean(0))):
        view.over.setCurrentIndex(place)
        assert view.index == ()
        np.testing.assert_allclose(view._slice(), expected)
    view._show_readout(1, 2)
    assert view.readout.startswith("[mean of x², 1, 2] ")
    view.over.setCurrentIndex(0)
    view.set_index((1,))
    np.testing.assert_array_equal(view._slice(), array[1])


def test_axes_have_the_names_that_are_known(qtbot: QtBot) -> None:
    view = TensorView()
    qtbot.addWidget(view)
    array = np.zeros((2, 3, 8, 8), dtype=np.float32)
    view.set_tensor(info_of(array), LIGHT, axes=("batch", "channel", "height", "width"))
    labels = [label.text() for label in view.findChildren(QLabel) if label.buddy() is not None]
    assert labels == ["batch", "channel"]


def test_two_tensors_are_compared(qtbot: QtBot) -> None:
    first, second = np.ones((3, 4), dtype=np.float32), np.ones((3, 4), dtype=np.float32)
    second[1, 2] = 1.5
    that = shown(qtbot, info_of(first))
    that.actions_.remember.trigger()
    view = shown(qtbot, info_of(second))
    view.actions_.prepare()
    assert view.actions_.compare.isEnabled()
    view.actions_.compare.trigger()
    assert view.note == "largest difference 0.5 at [1, 2], relative 0.33"
    assert view._slice()[1, 2] == 0.5
    view.actions_.compare.trigger()
    assert view.note == ""
    assert view._slice()[1, 2] == 1.5
    view.set_tensor(info_of(np.zeros(5, dtype=np.float32)), LIGHT)
    view.actions_.prepare()
    assert not view.actions_.compare.isEnabled(), "of another shape"


def test_pictures_are_shown_in_their_colours(qtbot: QtBot) -> None:
    array = np.zeros((3, 16, 16), dtype=np.float32)
    array[0, :, 8:] = 1.0  # the right half is red
    view = shown(qtbot, info_of(array))
    view.set_picture(True)
    image = view._heat.grab().toImage()
    ratio = image.devicePixelRatio()
    height = view._heat.height()
    left, right = (image.pixelColor(int(x * height * ratio), int(height * ratio / 2)) for x in (0.25, 0.75))
    assert (left.red(), left.green()) == (0, 0)
    assert (right.red(), right.green()) == (255, 0)
    view.set_picture(False)
    assert view.index == (0,)


@pytest.mark.parametrize("dtype", [np.complex64, np.float32])
def test_the_scale_of_absolute_values_begins_at_zero(qtbot: QtBot, dtype: type) -> None:
    view = shown(
        qtbot,
        info_of(
            np.array([[3 + 4j, 1j], [0, -2]]).astype(dtype)
            if dtype is np.complex64
            else np.array([[5, -1], [0, -2]], dtype)
        ),
    )
    scale = view.findChild(ScaleBar)
    assert scale is not None
    is_size = dtype is np.complex64
    assert scale.accessibleName() == f"Colour scale from {'0' if is_size else '−5'} to 5"
    assert scale.ends[0] == ("0" if is_size else "−5")
    picture = scale.grab().toImage()
    row = [picture.pixelColor(x, picture.height() // 2) for x in range(picture.width())]
    negative = heat_of(view).scale_colors[0]
    apart = min(
        abs(c.red() - negative.red()) + abs(c.green() - negative.green()) + abs(c.blue() - negative.blue()) for c in row
    )
    assert (apart > 60) is is_size, "no colour of negative numbers where there are none"
