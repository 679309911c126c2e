from config.loading import load_quantities, load_register
from config.settings import packaged_district


def test_hazard_classes_packaged_are_the_41_of_a_city() -> None:
    """A district without classes of its own has the packaged list, each class with names of its own."""
    classes = load_register(packaged_district(), load_quantities()).hazard_classes.values()

    assert 41 == len(classes)
    assert 41 == len({each.name_zh for each in classes}) == len({each.name_en for each in classes})
