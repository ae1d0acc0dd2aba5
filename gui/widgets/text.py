"""Labels and links that elide what does not fit, keep the whole text in a tooltip, and never take markup."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import (
    QAction,
    QColor,
    QEnterEvent,
    QFont,
    QFontMetrics,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QStyle, QStyleOptionFocusRect, QWidget

_LONGEST = 4000
"""Characters that a tooltip shows at most; a name may be a megabyte long."""


def plain(text: str) -> str:
    """`text` on one line, without control characters and direction overrides, so that it shows as what it is."""
    return "".join(character if character.isprintable() else " " for character in text[:_LONGEST])


def tooltip(text: str) -> str:
    """`text` for a tooltip: never taken as markup, wrapped where it is long."""
    escaped = text[:_LONGEST].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<qt>{escaped}</qt>".replace("\n", "<br>") if text else ""


def set_text_color(label: QWidget, color: QColor) -> None:
    """Write a label's text in `color`; a style sheet of its own for each label would be ten times slower."""
    palette = label.palette()
    if palette.color(QPalette.ColorRole.WindowText) != color:
        palette.setColor(QPalette.ColorRole.WindowText, color)
        label.setPalette(palette)


def set_shown(widget: QWidget, is_shown: bool) -> None:
    """Show or hide a widget; nothing happens, and nothing is laid out again, where it is so already."""
    if widget.isHidden() == is_shown:
        widget.setVisible(is_shown)


class ElidedLabel(QLabel):
    """One line of selectable text; what does not fit is elided and found in the tooltip and by "Copy".

    Parameters
    ----------
    text : shown as it is, never as markup.
    mode : where to elide.
    """

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        font: QFont | None = None,
        color: QColor | None = None,
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self._whole = ""
        self._exact: str | None = None
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        copy = QAction("Copy", self)
        copy.triggered.connect(self._on_copy_triggered)
        self.addAction(copy)
        if font is not None:
            self.setFont(font)
        if color is not None:
            self.set_color(color)
        self.set_text(text)

    @property
    def whole_text(self) -> str:
        return self._whole

    def set_text(self, text: str, exact: str | None = None) -> None:
        """Show `text`; `exact` is what the tooltip says and "Copy" copies, where that is more than the text itself."""
        whole = plain(text)
        if whole == self._whole and exact == self._exact and self.text():
            return
        self._whole = whole
        self._exact = exact
        self.setAccessibleName(self._whole)
        self.updateGeometry()
        self._elide()

    def set_color(self, color: QColor) -> None:
        set_text_color(self, color)

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self.font())
        return QSize(metrics.horizontalAdvance(self._whole) + 2, metrics.height() + 2)

    def minimumSizeHint(self) -> QSize:
        return QSize(16, self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._elide()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._elide()

    def _elide(self) -> None:
        shown = QFontMetrics(self.font()).elidedText(self._whole, self._mode, max(self.width(), 16))
        if shown != self.text():
            self.setText(shown)
        more = self._exact if self._exact is not None else self._whole if shown != self._whole else ""
        self.setToolTip(tooltip(more))

    def _on_copy_triggered(self) -> None:
        QGuiApplication.clipboard().setText(self._whole if self._exact is None else self._exact)


class LinkButton(QPushButton):
    """A flat button that looks like a link: reached by Tab, pressed by mouse, Space or Enter; elides its text."""

    def __init__(self, text: str, color: QColor, parent: QWidget | None = None, *, font: QFont | None = None) -> None:
        super().__init__(parent)
        self._whole = plain(text)
        self._hint = ""
        self._size: QSize | None = None
        self._color = color
        self.setText(self._whole.replace("&", "&&"))  # a single one would make a shortcut of the next letter
        self.setFlat(True)
        self.setAutoDefault(True)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self._whole)
        if font is not None:
            self.setFont(font)

    @property
    def whole_text(self) -> str:
        return self._whole

    def set_text(self, text: str) -> None:
        """Show another text."""
        whole = plain(text)
        if whole != self._whole:
            self._whole, self._size = whole, None
            self.setText(whole.replace("&", "&&"))
            self.setAccessibleName(whole)
            self.updateGeometry()
            self.update()

    def set_hint(self, hint: str) -> None:
        """What the tooltip says; the whole text stands above it where that is cut."""
        self._hint = hint
        self._show_hint()

    @property
    def color(self) -> QColor:
        return self._color

    def set_color(self, color: QColor) -> None:
        """Draw the text in another colour."""
        if color != self._color:
            self._color = color
            self.update()

    def sizeHint(self) -> QSize:
        if self._size is None:  # asked for again and again by layouts
            metrics = QFontMetrics(self.font())
            self._size = QSize(metrics.horizontalAdvance(self._whole) + 2, metrics.height() + 2)
        return self._size

    def minimumSizeHint(self) -> QSize:
        size = self.sizeHint()
        return QSize(min(24, size.width()), size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_hint()

    def _show_hint(self) -> None:
        is_cut = self.sizeHint().width() > self.width()
        parts = (self._whole if is_cut else "", self._hint)
        self.setToolTip(tooltip("\n".join(part for part in parts if part)))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._size = None
        if event.type() == QEvent.Type.StyleChange:
            self._keep_height()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._keep_height()

    def _keep_height(self) -> None:
        """A link is as high as a line of text, whatever a style sheet asks of buttons."""
        self.setFixedHeight(self.sizeHint().height())

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        font = QFont(self.font())
        font.setUnderline(self.underMouse() or self.hasFocus())
        painter.setFont(font)
        painter.setPen(self._color)
        # Where there is no room for the dots either Qt gives nothing: a link that cannot be seen cannot be found.
        shown = QFontMetrics(font).elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width()) or self._whole
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        if self.hasFocus():
            option = QStyleOptionFocusRect()
            option.initFrom(self)
            self.style().drawPrimitive(QStyle.PrimitiveElement.PE_FrameFocusRect, option, painter, self)
        painter.end()
