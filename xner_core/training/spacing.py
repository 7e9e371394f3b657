"""Natural spacing for tokenised English, so that a tagger learns from text as it is written."""

from collections.abc import Sequence

from xner_core.text.spans import Span

_NO_SPACE_BEFORE = frozenset(". , ; : ! ? ) ] } % 's 'S n't 're 've 'm 'll 'd ’s ” ’ ...".split())
_NO_SPACE_AFTER = frozenset("( [ { $ £ € “ ‘ # @".split())


def natural_spacing(tokens: Sequence[str]) -> tuple[str, list[Span]]:
    """The text that English tokens were taken from, as far as they tell, and each token's span in it."""
    text, spans = "", []
    glued, quoted = True, False
    for token in tokens:
        closes_quote = token == '"' and quoted
        if not (glued or closes_quote or token in _NO_SPACE_BEFORE):
            text += " "
        spans.append(Span(len(text), len(text) + len(token)))
        text += token
        glued = token in _NO_SPACE_AFTER
        if token == '"':
            quoted = not quoted
            glued = quoted
    return text, spans
