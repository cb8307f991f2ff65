"""A varied corpus for the tokenizer comparison: languages, code, emoji, whitespace, digits, control-token look-alikes."""

import itertools
import random

PHRASES = [
    "Hello world", "The quick brown fox jumps over the lazy dog.", "don't can't won't I'll we've they'd it's",
    "Être ou ne pas être, là est la question.", "Ünïcödé straße façade naïve coöperate", "¿Dónde está la biblioteca?",
    "Привет, как дела? Всё хорошо.", "Γειά σου Κόσμε", "שלום עולם", "مرحبا بالعالم، كيف حالك؟", "नमस्ते दुनिया",
    "สวัสดีชาวโลก", "こんにちは世界。今日はいい天気ですね。", "你好，世界！今天天气怎么样？", "안녕하세요 세계",
    "🦀🚀👩‍👩‍👧‍👦🏳️‍🌈 emoji ☺️", "e\u0301 combining a\u030a", "\u200bzero\u200bwidth\ufeff", "tab\tseparated\tvalues",
    "line\nbreak\r\nwindows\rold", "   leading and trailing   ", "\n\n\n", "\t\t  \n ", " ", "a  b   c    d     e",
    "1234567890", "3.14159 2,718,281 -40 1e10 0xFF 1/2 ½ ² ٣ ४", "2026-11-23T06:16:33Z", "+49 (0)89 1234-5678",
    "GB82 WEST 1234 5698 7654 32", "user@example.com https://example.org/a?b=c&d=e#f", "C:\\path\\to\\file.txt",
    "def f(x):\n    return [i**2 for i in range(x) if i % 2 == 0]\n", "fn main() { println!(\"{:?}\", vec![1, 2, 3]); }",
    "SELECT * FROM t WHERE a = 'b' AND c >= 10; -- note", "{\"key\": [1, 2.5, null, true], \"nested\": {\"a\": \"b\"}}",
    "<html><body class=\"x\">&nbsp;</body></html>", "$E = mc^2$ \\frac{a}{b} \\sum_{i=0}^{n}", "...!!!???---___***###",
    "CamelCaseWordsAndSCREAMING_SNAKE_CASE", "supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "<|im_start|>user\nhi<|im_end|>", "<|endoftext|>", "<repo_name>x<file_sep>y", "< |im_start|> <|im_start |>", "<|im_",
    "’curly’ “quotes” – — … • ™ © ®", "\u00a0non\u00a0breaking\u2003em", "\x00\x01\x7f control", "ﬁ ligature ＦＵＬＬ ｗｉｄｔｈ",
]


def strings(count=1500, seed=20261123):
    """The phrases, all ordered pairs of some, and random mixtures, `count` in all."""
    rng = random.Random(seed)
    out = list(PHRASES)
    out += ["".join(pair) for pair in itertools.product(PHRASES[::5], PHRASES[::7])]
    ranges = [(32, 126), (160, 591), (880, 1279), (1424, 1791), (2304, 2431), (12352, 12543), (19968, 20991),
              (44032, 45055), (127744, 128511), (8192, 8303)]
    while len(out) < count:
        kind = rng.randrange(3)
        if kind == 0:
            out.append(rng.choice(["", " ", "\n", "  "]).join(rng.choices(PHRASES, k=rng.randint(2, 5))))
        elif kind == 1:
            out.append("".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 60))))
        else:
            out.append("".join(rng.choice(" \t\n0123456789abcXYZ.,'") for _ in range(rng.randint(1, 80))))
    return out[:count]
