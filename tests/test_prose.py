"""The English of docstrings: nouns instead of words that hide them, short sentences, four lines a module."""

import ast

import pytest

from tests.prose import HIDING, docstrings, sentences, words
from tests.sources import PACKAGES, python_files, tree

HIDING_PER_1000 = 3.0
"""Most hiding words in a thousand words of docstrings; a carefully written library has 1.4."""
OF_TESTS_PER_1000 = 5.5
"""The same for the docstrings of tests, of which not every folder is rewritten yet; it only goes down."""
SENTENCE_P90 = 22
"""Nine of ten sentences have at most so many words."""
FORM = ("\nInput: ", "\nOutput: ", "\nNot responsible for: ", "\nRejects: ")

FOLDERS = (*PACKAGES, "benchmarks", "tests")


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_name_their_nouns(folder):
    """Words such as the forbidden five stand where a noun should stand."""
    found = [word for path in python_files(folder) for _, text in docstrings(path) for word in words(text)]
    hiding = sum(word in HIDING for word in found)

    assert 1000 * hiding / len(found) <= (OF_TESTS_PER_1000 if folder == "tests" else HIDING_PER_1000)


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstrings_have_short_sentences(folder):
    """A colleague who reads English as a second language understands each at once."""
    lengths = [
        len(each.split()) for path in python_files(folder) for _, text in docstrings(path) for each in sentences(text)
    ]
    lengths.sort()

    assert lengths[int(0.9 * len(lengths))] <= SENTENCE_P90


def test_modules_of_the_program_say_input_output_scope_and_rejects():
    """Each module docstring has the four lines in their order; the docstring of a folder may be one line."""
    wrong = []
    for path in python_files(*PACKAGES):
        text = ast.get_docstring(tree(path)) or ""
        places = [text.find(line) for line in FORM]
        if path.name != "__init__.py" and (-1 in places or places != sorted(places)):
            wrong.append(str(path))

    assert [] == wrong, "\n".join(wrong)
