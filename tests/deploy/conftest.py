import pytest

from tests.deploy.exposed import Exposed, exposed


@pytest.fixture(scope="package")
async def there() -> Exposed:
    """What /metrics says; asked for once, since it stays what it is."""
    return await exposed()
