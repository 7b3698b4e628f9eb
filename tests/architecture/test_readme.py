"""What the README shows of the example is the example."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_examples_tests_as_they_are() -> None:
    tests = (ROOT / "examples/tasks/tests/test_tasks.py").read_text()

    assert f"```python\n{tests.rstrip()}\n```" in (ROOT / "README.md").read_text()


def test_no_test_of_the_example_is_longer_than_ten_lines() -> None:
    tests = (ROOT / "examples/tasks/tests/test_tasks.py").read_text()
    lengths = [len(test.strip().splitlines()) for test in tests.split("\n\n\n") if "def test_" in test]

    assert len(lengths) == 5
    assert max(lengths) <= 10
