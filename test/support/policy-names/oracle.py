"""The second oracle: names as lists of labels, with idna, ipaddress and the C library's reading of addresses.

Reads JSON lines: first the scopes, then questions; answers one JSON line per question.
"""
import ipaddress
import json
import re
import socket
import sys
import unicodedata
import urllib.parse

import idna

ANY = None
LDH = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")


def parse_pattern(text):
    """(labels from the left, least and most labels that stand before them)"""
    least = most = 0
    if text.startswith("**"):
        head, _, text = text.partition(".")
        least, most = 1, int(head[3:-1]) if head.endswith("}") else 10**6
    elif text.startswith("."):
        text, most = text[1:], 10**6
    labels = [ANY if label == "*" else label for label in text.split(".")] if text else []
    return labels, least, most


def suffix_of(pattern, name):
    labels, least, most = pattern
    before = len(name) - len(labels)
    return name[before:] if least <= before <= most else None


def covers(pattern, name):
    """Whether every host of this name (ANY: any label) is one of the pattern's."""
    rest = suffix_of(pattern, name)
    return rest is not None and all(mine is ANY or mine == its for mine, its in zip(pattern[0], rest))


def touches(pattern, name):
    rest = suffix_of(pattern, name)
    return rest is not None and all(ANY in (mine, its) or mine == its for mine, its in zip(pattern[0], rest))


def shapes(name, subtree, patterns):
    """The label lists that the name stands for: a subtree's down to where no pattern tells them apart."""
    labels = name.split(".")
    if labels[0] == "*":
        labels[0] = ANY
    if not subtree:
        return [labels]
    longest = max((len(p[0]) + (p[2] if p[2] < 10**6 else 0) for p in patterns), default=0)
    return [[ANY] * more + labels for more in range(0, max(longest - len(labels), 0) + 3)]


def address_reading(text):
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    bare = bare.split("%")[0]
    try:
        address = ipaddress.ip_address(bare)
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    except ValueError:
        pass
    try:
        if text and not text[-1].isspace():
            return socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, ValueError, UnicodeError):
        pass
    return None


def as_idna_2003(text):
    return text.encode("idna").decode("ascii")


def as_idna_2008(text):
    return idna.encode(text, uts46=True).decode("ascii")


def as_transitional(text):
    return idna.encode(text, uts46=True, transitional=True).decode("ascii")


def as_remapped(text):
    """UTS #46 without IDNA 2008's judgement of characters: what is left encodes as it is."""
    labels = idna.uts46_remap(text, std3_rules=False).split(".")
    return ".".join(l if l.isascii() else "xn--" + l.encode("punycode").decode("ascii") for l in labels)


def as_decoded(text):
    """U-labels of A-labels, and back: another spelling comes out changed."""
    labels = []
    for label in text.lower().split("."):
        if label.startswith("xn--"):
            plain = label[4:].encode("ascii").decode("punycode")
            label = plain if plain.isascii() else "xn--" + plain.lower().encode("punycode").decode("ascii")
        labels.append(label)
    return ".".join(labels)


DECODERS = (
    str.lower,
    str.strip,
    lambda t: t.split("\0")[0],
    lambda t: t.rstrip("."),
    lambda t: t.lstrip("."),
    lambda t: unicodedata.normalize("NFKC", t).lower(),
    lambda t: unicodedata.normalize("NFC", t),
    urllib.parse.unquote,
)
ENCODERS = (as_idna_2003, as_idna_2008, as_transitional, as_remapped, as_decoded)


def habit_of(habit, text):
    wildcard = text.startswith("*.")
    try:
        return ("*." if wildcard else "") + habit(text[2:] if wildcard else text)
    except (UnicodeError, ValueError, IndexError, OverflowError):
        return text


def readings(kind, value):
    first = "".join(c.lower() if c.isascii() else c for c in value) if kind == "dns" else value
    seen = {value, first}
    for _ in range(2):
        seen.update([habit_of(habit, text) for text in seen for habit in DECODERS])
    # Of ASCII without A-labels IDNA makes nothing else (RFC 5891 section 5.3). Longer than any name: nobody reads it.
    odd = [text for text in seen if len(text) < 300 and not (text.isascii() and "xn--" not in text.lower())]
    seen.update([habit_of(habit, text) for text in odd for habit in ENCODERS])
    seen.discard(value)

    def reading(text):
        address = address_reading(text)
        return f"ip:{address}" if address else f"{kind}:{text}"

    plainest = reading(first)
    return [plainest] + sorted({reading(text) for text in seen} - {plainest})


def plain_label(label):
    """True, False, or None: IDNA 2008 says no, others say yes."""
    if not LDH.match(label) or len(label) > 63:
        return False
    if label[2:4] != "--":
        return True
    if not label.startswith("xn--"):
        return False
    try:
        plain = label[4:].encode("ascii").decode("punycode")
        if plain.isascii() or "xn--" + plain.encode("punycode").decode("ascii") != label:
            return False
        if unicodedata.normalize("NFC", plain) != plain or plain.lower() != plain:
            return False
    except (UnicodeError, ValueError, IndexError, OverflowError):
        return False
    try:
        return idna.alabel(idna.ulabel(label)).decode("ascii") == label or None
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        return None


def plain(kind, value, subtree):
    if kind == "ip":
        if subtree or "%" in value:
            return False
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        if getattr(address, "ipv4_mapped", None) is not None:
            return False
        # Some libraries read ::192.0.2.1 as the IPv4 address.
        return None if address.version == 6 and "." in value else True
    if not value.isascii() or len(value) > 253:
        return False
    text = value.lower()
    if text.startswith("*."):
        if subtree:
            return False
        text = text[2:]
    labels = text.split(".")
    if re.match(r"([0-9]+|0x[0-9a-f]*)\Z", labels[-1]):
        return False
    verdicts = [plain_label(label) for label in labels]
    return False if False in verdicts else None if None in verdicts else True


def touched(reading, subtree, scope):
    what, _, text = reading.partition(":")
    if what == "ip":
        return within(text, scope["deniedNetworks"])
    names = shapes(text, subtree, scope["denied"])
    return any(touches(pattern, name) for name in names for pattern in scope["denied"])


def covered(reading, subtree, scope):
    what, _, text = reading.partition(":")
    if what == "ip":
        return within(text, scope["allowedNetworks"])
    names = shapes(text, subtree, scope["allowed"])
    return all(any(covers(pattern, name) for pattern in scope["allowed"]) for name in names)


def within(text, networks):
    try:
        return any(ipaddress.ip_address(text) in network for network in networks)
    except ValueError:
        return False


def main():
    lines = sys.stdin
    scopes = []
    for scope in json.loads(next(lines)):
        scopes.append(
            {
                "denied": [parse_pattern(p) for p in scope["denied"]],
                "allowed": [parse_pattern(p) for p in scope["allowed"]],
                "deniedNetworks": [ipaddress.ip_network(n) for n in scope["deniedNetworks"]],
                "allowedNetworks": [ipaddress.ip_network(n) for n in scope["allowedNetworks"]],
            }
        )
    for line in lines:
        question = json.loads(line)
        scope = scopes[question["scope"]]
        kind, subtree = question["type"], question["subtree"]
        all_readings = readings(kind, question["value"])
        answer = {
            "readings": all_readings,
            "plain": plain(kind, question["value"], subtree),
            "reaches": any(touched(reading, subtree, scope) for reading in all_readings),
            "touched": touched(all_readings[0], subtree, scope),
            "covered": covered(all_readings[0], subtree, scope),
        }
        sys.stdout.write(json.dumps(answer) + "\n")


main()
