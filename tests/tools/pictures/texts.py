"""What is said in the pictures."""

MODELS = ("sonnet-large", "sonnet-small")
QUESTION = "How do I follow a stream so that a reload cannot lose a word of it?"
QUESTIONS = (
    QUESTION,
    "Plan a weekend in Lisbon by train",
    "Explain Raft as if I ran a bakery",
    "Names for a grey cat who opens doors",
    "Why does my SQLite database say that it is locked, though only one program is using it?",
    "A toast for a colleague who leaves after twenty years",
    "Translate the menu, please",
    "What is the difference between a mutex and a semaphore?",
    "Soup from what is left in the fridge: leek, half a lemon, rice",
    "Proofread my letter to the landlord",
    "Regular expression for a German postcode",
    "Which trees may stand close to a wall?",
    "Count the words in this paragraph",
    "How do I read a balance sheet?",
)
PINNED = ("Everything that Markdown can do", "My notes on the move to the new office")
PRESETS = (
    ("Kind proofreader", "Correct spelling and grammar only. List what you changed."),
    ("Short answers", "Answer in three sentences at most."),
    ("Python reviewer", "Review as a senior Python developer would: correctness first."),
)
SHORT = """\
Imagine five bakeries that share **one recipe book**. Each has a copy, and no two may differ.

1. One baker is the *leader*: only she may write into the book.
2. She reads each new line aloud, and writes it for good when three of five have it.
3. When nobody hears her for a while, the others choose a new leader.

That is all: a leader, a majority, and a clock for impatience."""
BEGINNING = """\
A stream can be followed safely if every piece has a **number**.

1. The server stores a piece first, and shows it only then.
2. The browser remembers the number of the last piece that it got.

```python
async for piece in follow(reply, after=offset):
    yield frame(piece.text, id=piece.end)
```

After a reload it asks for what comes behind that number, and so nothing is"""
THOUGHTS = """\
The person wants an analogy, not the paper. A bakery has recipes, ovens, several branches.

- The log is a *recipe book*.
- A term is a shift.

Keep it short, and leave out snapshots."""
MARKDOWN = r"""# A first heading

A paragraph of usual length, with **bold**, *italic* and ~~struck~~ words, some `inline code`, and a
[link to the manual](https://docs.djangoproject.com/en/5.2/). It is long enough to break over a few
lines, so that the measure and the line height can be judged.

## A second heading

- apples, which are green
- pears
  - Williams
  - Conference, and a longer item that breaks over two lines when the screen is as narrow as a phone
- plums

1. first
2. second
3. third

### A third heading

- [x] written
- [ ] read
- [ ] understood

> What is quoted stands a little to the side,
> and is quieter.

| Fruit | Colour | Price |
|:------|:------:|------:|
| Apple | green  |  1.20 |
| Plum  | blue   | 12.50 |

| Name | January | February | March | April | May | June | July | August | September | October |
|---|---|---|---|---|---|---|---|---|---|---|
| Rain (mm) | 67 | 52 | 58 | 49 | 71 | 80 | 92 | 85 | 66 | 61 |
| Sun (hours) | 51 | 76 | 121 | 178 | 221 | 225 | 238 | 218 | 155 | 105 |

```python
@dataclass(frozen=True)
class Reply:
    '''A text that only grows.'''

    text: str = ""  # what is stored

    def grown(self, piece: str) -> "Reply":
        return replace(self, text=self.text + piece) if piece else self
```

```sql
SELECT user_id, count(*) FROM chat_message WHERE state = 'complete' GROUP BY user_id LIMIT 20;
```

```bash
curl -N -H 'Content-Type: application/json' -d '{"message": "Hello"}' http://127.0.0.1:8000/chat/stream
```

```diff
- yield piece
+ yield frame(piece, id=end)
```

```
plain text, of no language
```

Inline maths as in $e^{i\pi} + 1 = 0$, and a formula of its own:

$$\int_0^\infty e^{-x^2} dx = \frac{\sqrt{\pi}}{2},\begin{pmatrix} a & b \\ c & d \end{pmatrix}$$

#### A fourth heading

<b>Raw HTML</b> is shown as it was written.

---

The end, with a [last link](https://example.com/a/rather/long/address/that/has/to/break/somewhere)."""
ARABIC_QUESTION = "ما هي أفضل طريقة لتعلم البرمجة؟"
ARABIC = """\
## طريقة بسيطة

ابدأ بمشروع صغير، مثل آلة حاسبة، واكتب **كل يوم** ولو سطرين. استخدم `print()` لترى ما يحدث.

- اقرأ الأخطاء بهدوء
- جرّب Python أولاً

```python
print("مرحبا")
```

בעברית: שלום עולם. And English again."""
LONG_QUESTION = "Endless " + "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen" * 4
LONG_WORDS = f"""\
# {"Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 2}

{"x" * 600} and https://example.com/{"path/" * 40}

- {"y" * 200}

| {"z" * 120} | short |
|---|---|
| `{"code" * 40}` | cell |
"""
DRAFT = """\
Dear all,

this is a longer draft of several lines, as people write them before they send:

- the first point
- the second point

Best wishes"""
