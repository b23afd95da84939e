import re
import unicodedata
from collections import Counter


def slugify(title, sep="-"):
    normalized = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", sep, normalized.lower()).strip(sep)


def levenshtein(a, b):
    previous = list(range(len(b) + 1))
    for i, ca in enumerate(a, 1):
        current = [i]
        for j, cb in enumerate(b, 1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (ca != cb)))
        previous = current
    return previous[-1]


def word_frequencies(text, stop_words=()):
    words = re.findall(r"\w+", text.lower())
    return Counter(w for w in words if w not in stop_words)


def wrap_paragraph(text, width=72):
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join(lines + [line])


def is_palindrome(s):
    letters = [c.lower() for c in s if c.isalnum()]
    return letters == letters[::-1]


def strip_html_tags(markup):
    return re.sub(r"<[^>]+>", "", markup)


def camel_to_snake(name):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def mask_email(address):
    user, _, domain = address.partition("@")
    return f"{user[:1]}***@{domain}"
