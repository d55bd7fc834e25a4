"""redis-py against an endpoint: blocking and asyncio; its default protocol, RESP2 and RESP3."""

import asyncio
import threading

import redis
import redis.asyncio

import checks
import data_types
import transactions
from endpoint import Endpoint
from suite import Suite, equal, refused, reply, true

CLIENTS = 100
CHECKS = [*checks.ON_ANY_CLIENT, *data_types.ON_ANY_CLIENT, *transactions.ON_ANY_CLIENT]


def protocols() -> list[tuple[str, dict]]:
    return [("default protocol", {}), ("RESP2", {"protocol": 2}), ("RESP3", {"protocol": 3})]


async def close(client) -> None:
    await reply(client.aclose() if hasattr(client, "aclose") else client.close())


async def check_logins(library, endpoint: Endpoint) -> None:
    """Every way to say who one is."""
    host, port = endpoint.host, endpoint.port
    logins = [
        {"username": endpoint.user, "password": endpoint.password},
        {"username": endpoint.user, "password": endpoint.password, "client_name": "named"},
    ]
    clients = [library.Redis(host=host, port=port, **login) for login in logins]
    clients.append(library.Redis.from_url(endpoint.url))
    if endpoint.default_user:
        clients.append(library.Redis(host=host, port=port))
    if endpoint.tenant_port:
        port = endpoint.tenant_port
        clients.append(library.Redis(host=host, port=port, password=endpoint.password))
    for client in clients:
        equal(await reply(client.ping()), True, "PING after login")
        await close(client)


async def check_refused_logins(library, endpoint: Endpoint) -> None:
    wrong = library.Redis(
        host=endpoint.host, port=endpoint.port, username=endpoint.user, password="not this one"
    )
    with refused(redis.AuthenticationError, "invalid username-password pair", "wrong password"):
        await reply(wrong.ping())
    await close(wrong)
    if not endpoint.default_user:
        # In RESP3 the first thing refused is HELLO, which has a text of its own.
        for options, text in (
            ({"protocol": 2}, "Authentication required"),
            ({"protocol": 3}, "HELLO must be called with the client already authenticated"),
        ):
            nobody = library.Redis(host=endpoint.host, port=endpoint.port, **options)
            with refused(redis.AuthenticationError, text, f"no password, {options}"):
                await reply(nobody.ping())
            await close(nobody)


def check_threads(suite: Suite, endpoint: Endpoint, options: dict) -> None:
    """100 blocking clients at once, a thread each, all connected before the first goes on."""
    key, barrier, failures = suite.key("shared"), threading.Barrier(CLIENTS), []

    def work(number: int) -> None:
        try:
            client = redis.Redis.from_url(endpoint.url, **options)
            client.ping()
            barrier.wait(timeout=60)
            own = suite.key(str(number))
            client.set(own, number)
            client.incr(key)
            equal(client.get(own), str(number).encode(), "own key")
            client.close()
        except Exception as error:
            barrier.abort()
            failures.append(f"client {number}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    true(not failures, "; ".join(failures[:3]))
    with redis.Redis.from_url(endpoint.url, **options) as client:
        equal(client.get(key), str(CLIENTS).encode(), "a counter of all clients")


async def check_tasks(suite: Suite, endpoint: Endpoint, options: dict) -> None:
    """100 asyncio clients at once."""
    key, waiting, all_here = suite.key("shared"), CLIENTS, asyncio.Event()

    async def work(number: int) -> None:
        nonlocal waiting
        client = redis.asyncio.Redis.from_url(endpoint.url, **options)
        await client.ping()
        waiting -= 1
        if waiting == 0:
            all_here.set()
        await all_here.wait()
        own = suite.key(str(number))
        await client.set(own, number)
        await client.incr(key)
        equal(await client.get(own), str(number).encode(), "own key")
        await client.aclose()

    await asyncio.wait_for(asyncio.gather(*(work(i) for i in range(CLIENTS))), timeout=60)
    client = redis.asyncio.Redis.from_url(endpoint.url, **options)
    equal(await client.get(key), str(CLIENTS).encode(), "a counter of all clients")
    await client.aclose()


async def check_library(suite: Suite, name: str, library, endpoint: Endpoint) -> None:
    await suite.check(f"{name}: logins", check_logins, library, endpoint)
    await suite.check(f"{name}: refused logins", check_refused_logins, library, endpoint)
    for protocol, options in protocols():
        label = f"{name}, {protocol}"
        client = library.Redis(
            host=endpoint.host, port=endpoint.port,
            username=endpoint.user, password=endpoint.password, **options,
        )
        for check in CHECKS:
            name = f"{check.__module__}.{check.__name__}"
            await suite.check(f"{label}: {name}", check, suite, client)
        if not endpoint.is_redis:
            await suite.check(f"{label}: over_limit", checks.over_limit, suite, client)
        await close(client)
        bound = library.Redis.from_url(endpoint.url, single_connection_client=True, **options)
        await suite.check(
            f"{label}: introspection", checks.introspection, suite, bound,
            endpoint.user, options.get("protocol"),
        )
        await close(bound)
        crowd = check_threads if library is redis else check_tasks
        await suite.check(f"{label}: {CLIENTS} clients", crowd, suite, endpoint, options)


async def main() -> None:
    endpoint, suite = Endpoint.from_environment(), Suite()
    print(f"redis-py {redis.__version__} against {endpoint.kind} at "
          f"{endpoint.host}:{endpoint.port}", flush=True)
    await check_library(suite, "blocking", redis, endpoint)
    await check_library(suite, "asyncio", redis.asyncio, endpoint)
    suite.finish()


if __name__ == "__main__":
    asyncio.run(main())
