"""The cells of a small matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QGuiApplication
from pytestqt.qtbot import QtBot

from gui.widgets.matrix_editor import MatrixEditor


@pytest.fixture
def editor(qtbot: QtBot) -> MatrixEditor:
    made = MatrixEditor()
    qtbot.addWidget(made)
    made.set_array(np.arange(6.0).reshape(2, 3))
    made.show()
    return made


def _told(editor: MatrixEditor) -> list[Any]:
    told: list[Any] = []
    editor.edited.connect(told.append)
    editor.refused.connect(told.append)
    return told


def test_typing_into_a_cell_tells_the_whole_matrix(editor: MatrixEditor) -> None:
    told = _told(editor)
    model = editor.model()
    assert model.setData(model.index(1, 2), "−7,5", Qt.ItemDataRole.EditRole)
    np.testing.assert_array_equal(told[0], [[0, 1, 2], [3, 4, -7.5]])
    assert not model.setData(model.index(0, 0), "x", Qt.ItemDataRole.EditRole)
    assert told[1] == "'x' is no number."


def test_paste(editor: MatrixEditor) -> None:
    told = _told(editor)
    QGuiApplication.clipboard().setText("1 2 3 4 5 6")
    editor.paste()
    np.testing.assert_array_equal(told[0], [[1, 2, 3], [4, 5, 6]])
    QGuiApplication.clipboard().setText("[[1, 2]]")
    editor.paste()
    assert told[1].shape == (1, 2)
    QGuiApplication.clipboard().setText("words")
    editor.paste()
    assert "no number" in told[2]


def test_the_chosen_cell_stays_with_other_numbers(editor: MatrixEditor, qtbot: QtBot) -> None:
    editor.setCurrentIndex(editor.model().index(1, 1))
    editor.set_array(np.zeros((2, 3)))
    assert (editor.currentIndex().row(), editor.currentIndex().column()) == (1, 1)
    with qtbot.waitSignal(editor.cell_chosen) as chosen:
        editor.setCurrentIndex(editor.model().index(0, 2))
    assert chosen.args == [0, 2]


def test_no_number_of_a_small_matrix_is_cut(editor: MatrixEditor) -> None:
    editor.set_array(np.array([[-0.00023675, -1e-38, 1.0], [np.nan, 1e38, -123456.7]]))
    metrics = QFontMetrics(editor.font())
    model = editor.model()
    for row, column in np.ndindex(2, 3):
        text = str(model.data(model.index(row, column)))
        assert metrics.horizontalAdvance(text) + 8 <= editor.columnWidth(column), text


def test_a_vector_has_no_number_of_its_row(editor: MatrixEditor) -> None:
    assert editor.verticalHeader().isVisible()
    editor.set_array(np.array([[0.0904, 0.03166, -0.001861, -0.04942]]))
    assert not editor.verticalHeader().isVisible()
    assert sum(editor.columnWidth(column) for column in range(4)) <= 272, "no scrolling in the narrowest inspector"


def test_short_numbers_take_narrow_columns(editor: MatrixEditor) -> None:
    wide = MatrixEditor()
    wide.set_array(np.full((2, 3), -0.00023675))
    assert editor.columnWidth(0) < wide.columnWidth(0)
