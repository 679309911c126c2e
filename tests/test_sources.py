"""The list of the project's files."""

from tests.sources import _unpacked_files, project_files


def test_files_of_an_unpacked_archive_are_those_that_git_lists():
    """Where there is no git, the gates look at the same files."""
    assert set(project_files()) == set(_unpacked_files())
