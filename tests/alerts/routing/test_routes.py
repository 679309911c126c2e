from pathlib import Path

import pytest

from alerts.routing.loading import load_routes
from alerts.routing.routes import Routes, check_recipients, is_reachable
from config.errors import ConfigError
from config.levels import WarningLevel
from config.loading import load_quantities, load_register
from config.register import Role
from config.settings import packaged_district
from rules.events import Dimension
from rules.loading.loading import load_rules
from rules.rule import capable_levels
from tests.alerts import scenes

HAZARD, HEALTH = Dimension.HAZARD, Dimension.HEALTH


def names(routes: Routes, dimension: Dimension, level: int, domain: str = "fire") -> list[str]:
    """Return the names of matching routes."""
    return [route.name for route in routes.find(dimension, level, domain)]


def problems(*routes, capable=None, **phones) -> list[str]:
    """Return the problems of the duty check, one a line."""
    try:
        check_recipients(Routes(routes), scenes.register(**phones), capable or {"T-1": WarningLevel.ORANGE})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def written(tmp_path: Path, text: str) -> Path:
    """Return the path of a file with `text`."""
    path = tmp_path / "routes.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("phone", "reachable"),
    [
        ("+8613800000001", True),
        ("13800000001", False),
        ("", False),
        ("+012345678", False),
        ("+8613800000001\n", False),
    ],
)
def test_reachable_phone_is_complete(phone, reachable):
    """A number needs its country; a line break behind it is no number."""
    assert reachable == is_reachable(phone)


def test_matching_hazard_goes_by_level_and_domain():
    """A route counts for its levels and its domains only, and routes for health never do."""
    gas = scenes.Route("gas", HAZARD, frozenset({scenes.RED}), frozenset({"gas"}), (), (), ("webhook",))
    routes = Routes((scenes.SERIOUS, scenes.GENERAL, scenes.DEVICES, gas))

    assert ["serious"] == names(routes, HAZARD, scenes.RED)
    assert ["serious", "gas"] == names(routes, HAZARD, scenes.RED, "gas")
    assert ["general"] == names(routes, HAZARD, scenes.YELLOW)
    assert [] == names(routes, HAZARD, scenes.BLUE)


def test_matching_health_has_no_level():
    """Device faults go by dimension and domain."""
    assert ["devices"] == names(Routes((scenes.SERIOUS, scenes.DEVICES)), HEALTH, 0)


def test_duties_of_a_complete_register_pass():
    """Three roles with numbers, and nothing is wrong."""
    capable = dict.fromkeys(("T-1", "T-2"), scenes.RED)

    assert [] == problems(scenes.SERIOUS, scenes.GENERAL, scenes.DEVICES, capable=capable)


def test_duties_with_an_unreachable_contact_name_asset_role_and_remedy():
    """A contact without a number is found for every role that needs it."""
    assert problems(scenes.SERIOUS, bob="") == [
        (
            "contacts.csv:0 asset T-1 role manager contact bob: expected a phone number (E.164), got none; "
            "give contact bob in contacts.csv a number like +8613800000001"
        )
    ]


def test_duties_with_a_missing_role_name_asset_role_and_remedy():
    """A role without a contact is found."""
    grid = scenes.Route("grid", HAZARD, frozenset({scenes.ORANGE}), frozenset(), (Role.GRID_WORKER,), ("sms",), ())

    assert problems(grid) == [
        (
            "duties.csv:0 asset T-1 role grid_worker: expected a contact for a role that an orange or red warning "
            "needs, got none; add the line T-1,grid_worker,<contact id> to duties.csv"
        )
    ]


def test_duties_of_a_place_that_turns_yellow_at_most_are_not_needed():
    """Below orange, a missing number is a decision at run time and no error at load."""
    assert [] == problems(scenes.SERIOUS, capable={"T-1": WarningLevel.YELLOW}, bob="")


def test_duties_without_a_route_to_people_are_rejected():
    """A webhook alone reaches no person."""
    [problem] = problems(scenes.PLATFORM)

    assert problem.startswith("routes.yaml:0 asset T-1 level orange: expected a route with roles for hazard, orange")


def test_duties_check_every_serious_level_that_a_rule_can_raise():
    """An asset that can turn red needs a route for red too."""
    orange_only = scenes.Route("orange", HAZARD, frozenset({scenes.ORANGE}), frozenset(), (Role.MANAGER,), ("sms",), ())

    [problem] = problems(orange_only, capable={"T-1": WarningLevel.RED})
    assert "level red" in problem


def test_duties_include_recipients_of_device_faults():
    """A blind asset that can turn orange needs a contact for repairs."""
    only_manager = scenes.Route("m", HAZARD, frozenset({scenes.ORANGE}), frozenset(), (Role.MANAGER,), ("sms",), ())

    [problem] = problems(only_manager, scenes.DEVICES, fix="nonsense")
    assert "role maintenance contact fix" in problem


def test_load_of_the_packaged_routes_serves_the_packaged_district():
    """The demo's routes, register and rules fit together, with and without a webhook."""
    folder = packaged_district()
    quantities = load_quantities()
    register = load_register(folder, quantities)
    capable = capable_levels(load_rules(folder / "rules.yaml", register, quantities), register)
    routes = load_routes(folder / "routes.yaml", ["sms"])

    check_recipients(routes, register, capable)
    assert [] == [route.name for route in routes.routes if route.targets]
    with_webhook = load_routes(folder / "routes.yaml", ["sms", "webhook"])
    assert ["city-platform"] == [route.name for route in with_webhook.routes if route.targets]


TOP = "routes:\n- name: one\n"
ROUTE = TOP + "  dimension: hazard\n  levels: [red]\n"
PEOPLE, TARGETS = "  roles: [manager]\n  channels: [sms]\n", "  targets: [webhook]\n"
WRONG = {
    "nothing": ("", ":1 routes: expected a value, got nothing"),
    "unknown key": (ROUTE + "  chanels: [sms]\n", ":5 routes[0].chanels: expected one of"),
    "green": (TOP + "  dimension: hazard\n  levels: [green]\n" + TARGETS, ":4 "),
    "health with levels": (
        TOP + "  dimension: health\n  levels: [red]\n" + TARGETS,
        ":4 routes[0].levels: expected levels for hazard, and none for health, got health with red",
    ),
    "hazard without levels": (TOP + "  dimension: hazard\n" + TARGETS, "got hazard with no levels"),
    "roles without channels": (ROUTE + "  roles: [manager]\n" + TARGETS, "got only roles; name both or neither"),
    "channels without roles": (ROUTE + "  channels: [sms]\n", "got only channels; name both or neither"),
    "nobody": (ROUTE, "expected somebody who is told, got nobody"),
    "fallback of both": (
        ROUTE + PEOPLE + TARGETS + "  fallback: [sms]\n",
        ":8 routes[0].fallback: expected channels or targets, got both",
    ),
    "unknown channel": (
        ROUTE + "  targets: [pager]\n",
        ":5 routes[0].targets[0]: expected a configured channel (sms, webhook), got pager",
    ),
    "the same name": (ROUTE + TARGETS + ROUTE.removeprefix("routes:\n") + TARGETS, "one again"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_load_of_a_wrong_file_names_line_and_expectation(tmp_path, text, message):
    """Each error is found at its line, with the expected value."""
    with pytest.raises(ConfigError) as caught:
        load_routes(written(tmp_path, text), ["sms", "webhook"])

    assert message in str(caught.value)


def test_load_of_an_optional_route_leaves_it_out_without_its_channel(tmp_path):
    """A route that may be absent is no error."""
    path = written(tmp_path, ROUTE + "  targets: [pager]\n  optional: true\n")

    assert () == load_routes(path, ["sms"]).routes
    assert 1 == len(load_routes(path, ["pager"]).routes)
