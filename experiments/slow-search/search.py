"""Finds the documents that hold all words of a question, best first."""

import tomllib
from collections import OrderedDict
from pathlib import Path

SETTINGS = tomllib.loads(Path(__file__).with_name("settings.toml").read_text())["search"]

PUNCTUATION = [".", ",", ";", ":", "!", "?", "(", ")", "-", "'", '"']


class Search:
    """Lists of documents by word, and the answers to the latest questions."""

    def __init__(self, documents):
        self.lists = {}
        for number, text in enumerate(documents):
            for place, word in enumerate(normalise(text).split()):
                self.lists.setdefault(word, OrderedDict()).setdefault(number, []).append(place)
        self.sorted = {word: list(found) for word, found in self.lists.items()}
        self.answers = OrderedDict()

    def ask(self, question):
        """Returns the numbers of at most ten documents, best first."""
        words = tuple(normalise(question).split())
        if words in self.answers:
            self.answers.move_to_end(words)
            return self.answers[words]
        answer = self.find(words)
        if SETTINGS["remembered"] > 0:
            self.answers[words] = answer
            if len(self.answers) > SETTINGS["remembered"]:
                self.answers.popitem(last=False)
        return answer

    def find(self, words):
        """Returns the answer to a question that is not remembered."""
        lists = [self.sorted.get(it, []) for it in words]
        if SETTINGS["shortest_first"]:
            lists.sort(key=len)
        common = lists[0]
        for other in lists[1:]:
            common = both(common, other)
        scored = [(-self.score(number, words), number) for number in common]
        return [number for _, number in sorted(scored)[:10]]

    def score(self, number, words):
        """Returns how well a document fits: how often the words are there, early ones more."""
        score = 0.0
        for word in words:
            for place in self.lists[word][number]:
                score += 1.0 / (1 + place)
        return round(score, 9)


def both(left, right):
    """Returns the numbers that are in both sorted lists, skipping `stride` of the longer at a time."""
    if len(left) > len(right):
        left, right = right, left
    stride = SETTINGS["stride"]
    found = []
    at = 0
    for number in left:
        while at + stride < len(right) and right[at + stride] <= number:
            at += stride
        while at < len(right) and right[at] < number:
            at += 1
        if at < len(right) and right[at] == number:
            found.append(number)
    return found


def normalise(text):
    """Returns a text in lower case without punctuation."""
    plain = ""
    for letter in text:
        if letter in PUNCTUATION:
            plain = plain + " "
        else:
            plain = plain + letter.lower()
    return plain
