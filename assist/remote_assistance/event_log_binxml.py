"""Decodes BinXml, in which Windows sends events ([MS-EVEN6] 2.2.12), into a small tree.

Pure and bounded: what a computer sends is read once from left to right, every length is checked
before it is used, and depth, number of elements and amount of text are limited, because templates
let a few bytes stand for many. Definitions are inline in this protocol, so nothing can refer back
to itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from assist.remote_assistance.errors import BadAnswer
from assist.remote_assistance.event_log_values import NULL, STRING, members_of, render

LARGEST_EVENT = 262_144  # bytes; Windows keeps an event below 64 KiB
DEEPEST = 32  # an event has four levels, its data a few more
MOST_ELEMENTS = 4096  # elements and attributes
MOST_TEXT = 262_144  # characters in all, substitutions counted each time
MOST_VALUES = 1024
MOST_STEPS = 65_536  # pieces read; an event has some hundreds

_END, _START, _CLOSE_START, _CLOSE_EMPTY, _END_ELEMENT = 0x00, 0x01, 0x02, 0x03, 0x04
_TEXT, _ATTRIBUTE, _CDATA, _CHARACTER, _ENTITY = 0x05, 0x06, 0x07, 0x08, 0x09
_PI_TARGET, _PI_DATA, _TEMPLATE, _NORMAL, _OPTIONAL, _HEADER = 0x0A, 0x0B, 0x0C, 0x0D, 0x0E, 0x0F
_MORE = 0x40
_NO_DEPENDENCY = 0xFFFF
_BINXML, _ARRAY = 0x21, 0x80
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True)
class Element:
    """An element; text and elements in it are in their order."""

    name: str
    attributes: tuple[tuple[str, str], ...] = ()
    content: tuple[Element | str, ...] = ()

    @property
    def text(self) -> str:
        """Its own character data."""
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def children(self) -> tuple[Element, ...]:
        return tuple(part for part in self.content if isinstance(part, Element))

    def child(self, name: str) -> Element | None:
        """The first element of that name in it."""
        return next((part for part in self.children if part.name == name), None)

    def get(self, name: str) -> str:
        """An attribute's value; empty where there is none."""
        return next((value for key, value in self.attributes if key == name), "")


def decode(data: bytes) -> Element:
    """The root element of a BinXml document.

    Args:
        data: The document, to its end token; what follows that is not looked at.

    Raises:
        BadAnswer: The bytes are something else, or go beyond a limit.
    """
    if len(data) > LARGEST_EVENT:
        raise BadAnswer(f"The computer sent an event of {len(data)} bytes.")
    return _Decoder(data).document()


@dataclass(frozen=True)
class _Value:
    kind: int
    start: int
    end: int


class _Decoder:
    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._end = len(data)
        self._depth = 0
        self._elements = 0
        self._characters = 0
        self._steps = 0
        self._values: tuple[_Value, ...] | None = None

    def document(self) -> Element:
        roots = self._fragment()
        if len(roots) != 1:
            raise BadAnswer("The computer sent an event without a root element.")
        return roots[0]

    # -- bytes ------------------------------------------------------------------------------
    def _step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MOST_STEPS:
            raise BadAnswer("The computer sent an event that takes too long to read.")

    def _take(self, count: int) -> memoryview:
        self._step()
        if count > self._end - self._at:
            raise BadAnswer("The computer sent an event that ends too early.")
        self._at += count
        return self._data[self._at - count : self._at]

    def _u8(self) -> int:
        return self._take(1)[0]

    def _u16(self) -> int:
        return int.from_bytes(self._take(2), "little")

    def _u32(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def _peek(self) -> int:
        if self._at >= self._end:
            raise BadAnswer("The computer sent an event that ends too early.")
        return self._data[self._at]

    def _characters_of(self, text: str) -> str:
        self._characters += len(text)
        if self._characters > MOST_TEXT:
            raise BadAnswer("The computer sent an event with too much text.")
        return text

    def _utf16(self, units: int) -> str:
        return self._characters_of(bytes(self._take(2 * units)).decode("utf-16-le", "replace"))

    def _name(self) -> str:
        self._u16()  # NameHash saves Windows a comparison and tells nothing
        text = self._utf16(self._u16())
        self._take(2)
        return text

    def _one_more(self) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise BadAnswer("The computer sent an event with too many elements.")

    # -- the rules of 2.2.12, by their names --------------------------------------------------
    def _fragment(self) -> list[Element]:
        """Fragment with what may stand around it, to its EOFToken."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadAnswer("The computer sent an event that is nested too deeply.")
        found: list[Element] = []
        while (token := self._peek()) != _END:
            match token & ~_MORE:
                case 0x0F:
                    self._take(4)
                case 0x0A | 0x0B:
                    self._processing_instruction()
                case 0x0C:
                    found += self._template_instance()
                case 0x01:
                    found += self._element()
                case _:
                    raise BadAnswer(f"The computer sent an event with token 0x{token:02X}.")
        self._take(1)
        self._depth -= 1
        return found

    def _template_instance(self) -> list[Element]:
        """TemplateDef is read twice: past it to the values, then with them."""
        self._take(1 + 1 + 16)
        length = self._u32()
        definition = self._at
        self._take(length)
        values = self._template_values()
        behind, outer_end, outer_values = self._at, self._end, self._values
        self._at, self._end, self._values = definition, definition + length, values
        found = self._fragment()
        self._at, self._end, self._values = behind, outer_end, outer_values
        return found

    def _template_values(self) -> tuple[_Value, ...]:
        count = self._u32()
        if count > MOST_VALUES:
            raise BadAnswer(f"The computer sent an event with {count} values.")
        specification = [(self._u16(), self._u16() & 0xFF) for _ in range(count)]
        values = []
        for size, kind in specification:
            self._take(size)
            values.append(_Value(kind, self._at - size, self._at))
        return tuple(values)

    def _element(self) -> list[Element]:
        """An element; none where a value that it depends on is null, several for an array."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadAnswer("The computer sent an event that is nested too deeply.")
        self._one_more()
        has_attributes = bool(self._take(1)[0] & _MORE)
        dependency = _NO_DEPENDENCY if self._values is None else self._u16()
        self._u32()  # ElementByteLength; the element is read to its end token instead
        name = self._name()
        attributes = self._attributes() if has_attributes else []
        contents: list[list[Element | str]] | None = [[]]
        match self._u8():
            case 0x02:
                contents = self._content()
            case 0x03:
                pass
            case token:
                raise BadAnswer(f"The computer sent an event with token 0x{token:02X}.")
        self._depth -= 1
        if contents is None or self._is_null(dependency):
            return []
        return [Element(name, tuple(attributes), tuple(content)) for content in contents]

    def _is_null(self, index: int) -> bool:
        if index == _NO_DEPENDENCY or self._values is None:
            return False
        return self._value(index).kind == NULL

    def _value(self, index: int) -> _Value:
        if self._values is None or index >= len(self._values):
            raise BadAnswer(f"The computer sent an event without value {index}.")
        return self._values[index]

    def _attributes(self) -> list[tuple[str, str]]:
        self._u32()  # AttributeListByteLength
        found = []
        while self._peek() & ~_MORE == _ATTRIBUTE:
            self._one_more()
            self._take(1)
            name = self._name()
            data = self._attribute_data()
            if data is not None:
                found.append((name, data))
        return found

    def _attribute_data(self) -> str | None:
        """AttributeCharData; None where an optional substitution in it is null."""
        parts: list[str] = []
        is_null = False
        while True:
            match self._peek() & ~_MORE:
                case 0x05 | 0x08 | 0x09:
                    parts.append(self._character_data())
                case 0x0D | 0x0E:
                    is_optional, value = self._substitution()
                    is_null = is_null or (is_optional and value.kind == NULL)
                    parts += self._texts(value)
                case _:
                    return None if is_null or not parts else "".join(parts)

    def _content(self) -> list[list[Element | str]] | None:
        """Content to EndElementToken: as many contents as an array in it has members; None where
        an optional substitution in it is null."""
        parts: list[Element | str] = []
        array: list[str] | None = None
        is_null = False
        while (token := self._peek()) != _END_ELEMENT:
            match token & ~_MORE:
                case 0x01:
                    parts += self._element()
                case 0x05 | 0x07 | 0x08 | 0x09:
                    parts.append(self._character_data())
                case 0x0A | 0x0B:
                    self._processing_instruction()
                case 0x0D | 0x0E:
                    is_optional, value = self._substitution()
                    is_null = is_null or (is_optional and value.kind == NULL)
                    if value.kind == _BINXML:
                        parts += self._embedded(value)
                    elif value.kind & _ARRAY:
                        array = self._texts(value)
                    else:
                        parts += self._texts(value)
                case _:
                    raise BadAnswer(f"The computer sent an event with token 0x{token:02X}.")
        self._take(1)
        if is_null:
            return None
        if array is None:
            return [parts]
        for _ in array:
            self._one_more()
        return [[*parts, member] for member in array]

    def _character_data(self) -> str:
        match self._u8() & ~_MORE:
            case 0x05:
                if self._u8() != STRING:
                    raise BadAnswer("The computer sent an event with text of another type.")
                return self._utf16(self._u16())
            case 0x07:
                return self._utf16(self._u16())
            case 0x08:
                return self._characters_of(_character(self._u16()))
        name = self._name()
        return _ENTITIES.get(name, f"&{name};")

    def _processing_instruction(self) -> None:
        if self._u8() == _PI_TARGET:
            self._name()
        else:
            self._utf16(self._u16())

    def _substitution(self) -> tuple[bool, _Value]:
        is_optional = self._u8() == _OPTIONAL
        index = self._u16()
        self._u8()  # the type the definition expects; the value's own counts
        return is_optional, self._value(index)

    def _embedded(self, value: _Value) -> list[Element]:
        """A value that is BinXml itself."""
        behind, outer_end, outer_values = self._at, self._end, self._values
        self._at, self._end, self._values = value.start, value.end, None
        found = self._fragment()
        self._at, self._end, self._values = behind, outer_end, outer_values
        return found

    def _texts(self, value: _Value) -> list[str]:
        """The text of a value, one for each member of an array (2.2.12.3)."""
        data = bytes(self._data[value.start : value.end])
        kind = value.kind & ~_ARRAY
        if value.kind & _ARRAY:
            members = members_of(kind, data)
            self._step(len(members))
        else:
            members = [data]
        return [self._characters_of(render(kind, member)) for member in members]


def _character(number: int) -> str:
    """Half a surrogate pair is no character, and nothing could be done with it."""
    return "\ufffd" if 0xD800 <= number <= 0xDFFF else chr(number)
