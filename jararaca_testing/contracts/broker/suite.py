"""The whole contract of a broker: what the message bus of the framework relies on, and what the port can express."""

from jararaca_testing.contracts.broker.connection import ConnectionContract
from jararaca_testing.contracts.broker.consuming import ConsumingContract
from jararaca_testing.contracts.broker.dead_letters import DeadLetterContract
from jararaca_testing.contracts.broker.expiry import ExpiryContract
from jararaca_testing.contracts.broker.lifetime import LifetimeContract
from jararaca_testing.contracts.broker.limits import LimitContract
from jararaca_testing.contracts.broker.messages import MessageContract
from jararaca_testing.contracts.broker.publishing import PublishingContract
from jararaca_testing.contracts.broker.routing import RoutingContract
from jararaca_testing.contracts.broker.settling import SettlingContract
from jararaca_testing.contracts.broker.topology import TopologyContract


class BrokerContract(
    ConnectionContract,
    PublishingContract,
    MessageContract,
    RoutingContract,
    TopologyContract,
    ConsumingContract,
    SettlingContract,
    ExpiryContract,
    LimitContract,
    DeadLetterContract,
    LifetimeContract,
):
    """Every test of a `Broker`. Inherit it in a class whose name begins with `Test`, and override `new_broker`:

        class TestMyBroker(BrokerContract):
            @pytest.fixture
            def new_broker(self):
                return lambda: MyBroker("amqp://localhost/")

    A test that an adapter cannot pass is overridden by one of the same name that asserts what it does instead, and is
    marked with `differs`.
    """
