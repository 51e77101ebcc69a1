"""What /metrics says of a house that has answered a request: each sample's name with its labels."""

from prometheus_client.parser import text_string_to_metric_families

from tests.routes.api import Api

Exposed = dict[str, set[str]]


async def exposed() -> Exposed:
    """Of each sample's name, its labels as `name=value`."""
    async with Api().client("admin") as client:
        await client.get("/healthz")
        text = (await client.get("/metrics")).text
    there: Exposed = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            there.setdefault(sample.name, set()).update(f"{name}={value}" for name, value in sample.labels.items())
    return there
