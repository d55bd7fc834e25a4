"""Libraries on top of redis-py, unmodified: cachelib, Flask-Session and django-redis."""

import asyncio
import threading

import cachelib
import django
import django.conf
import flask
import flask_session
import redis

from endpoint import Endpoint
from suite import Suite, between, equal, refused, true

DAY_S = 86_400


def check_cachelib(suite: Suite, client: redis.Redis) -> None:
    cache = cachelib.RedisCache(client, key_prefix=suite.key("cachelib:"), check_connection=True)
    equal(cache.set("k", {"a": [1, None, "text"]}, timeout=DAY_S), True, "set")
    equal(cache.get("k"), {"a": [1, None, "text"]}, "get")
    equal(cache.get("missing"), None, "get of a missing key")
    equal(cache.add("k", "other"), False, "add of a present key")
    equal(cache.add("new", "value"), True, "add of a missing key")
    equal(sorted(cache.set_many({"a": 1, "b": 2})), ["a", "b"], "set_many")
    equal(cache.get_many("a", "missing", "b"), [1, None, 2], "get_many")
    equal(cache.get_dict("a", "b"), {"a": 1, "b": 2}, "get_dict")
    equal(cache.inc("hits"), 1, "inc")
    equal(cache.inc("hits", 5), 6, "inc by five")
    equal(cache.dec("hits", 2), 4, "dec")
    equal(cache.has("a"), True, "has")
    equal(cache.delete("a"), True, "delete")
    equal(cache.has("a"), False, "has after delete")
    cache.delete_many("b", "missing")
    equal(cache.get("b"), None, "get after delete_many")
    equal(cache.clear(), True, "clear of everything with the prefix")
    equal(cache.get("k"), None, "get after clear")


def shop(client: redis.Redis, prefix: str) -> flask.Flask:
    """A web application that keeps a basket in its visitor's session."""
    app = flask.Flask("shop")
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=client, SESSION_KEY_PREFIX=prefix)
    flask_session.Session(app)

    @app.post("/basket/<article>")
    def put(article: str) -> dict:
        flask.session["basket"] = [*flask.session.get("basket", []), article]
        return {"basket": flask.session["basket"]}

    @app.get("/basket")
    def show() -> dict:
        return {"basket": flask.session.get("basket", [])}

    @app.post("/leave")
    def leave() -> dict:
        flask.session.clear()
        return {}

    return app


def check_flask_session(suite: Suite, client: redis.Redis) -> None:
    prefix = suite.key("session:")
    app, same_app_elsewhere = shop(client, prefix), shop(client, prefix)
    visitor, other_visitor = app.test_client(), app.test_client()
    equal(visitor.get("/basket").json, {"basket": []}, "a basket before anything is in it")
    equal(visitor.post("/basket/tea").json, {"basket": ["tea"]}, "a basket with one thing")
    equal(visitor.post("/basket/cake").json, {"basket": ["tea", "cake"]}, "a basket with two things")
    equal(other_visitor.get("/basket").json, {"basket": []}, "another visitor's basket")
    [stored] = client.keys(f"{prefix}*")
    between(client.ttl(stored), 30 * DAY_S, 31 * DAY_S, "TTL of a session")
    elsewhere = same_app_elsewhere.test_client()
    elsewhere.set_cookie("session", visitor.get_cookie("session").value)
    equal(elsewhere.get("/basket").json, {"basket": ["tea", "cake"]}, "the basket, asked of another process")
    visitor.post("/leave")
    equal(elsewhere.get("/basket").json, {"basket": []}, "the basket after leaving")
    equal(client.exists(stored), 0, "EXISTS of the session after leaving")


def django_cache(endpoint: Endpoint, prefix: str):
    django.conf.settings.configure(
        CACHES={
            "default": {
                "BACKEND": "django_redis.cache.RedisCache",
                "LOCATION": f"{endpoint.url}/0",
                "KEY_PREFIX": prefix,
                "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
            }
        },
        SESSION_ENGINE="django.contrib.sessions.backends.cache",
        INSTALLED_APPS=["django.contrib.sessions"],
    )
    django.setup()
    from django.core.cache import cache

    return cache


def check_django_values(cache) -> None:
    equal(cache.set("k", {"a": [1, None]}, timeout=DAY_S), True, "set")
    equal(cache.get("k"), {"a": [1, None]}, "get")
    between(cache.ttl("k"), DAY_S - 60, DAY_S, "ttl")
    equal(cache.add("k", 1), False, "add of a present key")
    equal(cache.get_or_set("made", lambda: "once", 60), "once", "get_or_set of a missing key")
    equal(cache.get_or_set("made", lambda: "twice", 60), "once", "get_or_set of a present key")
    cache.set_many({"a": 1, "b": "two"})
    equal(dict(cache.get_many(["a", "b", "missing"])), {"a": 1, "b": "two"}, "get_many")
    equal(cache.touch("a", 100), True, "touch")
    between(cache.ttl("a"), 40, 100, "ttl after touch")
    equal(cache.persist("a"), True, "persist")
    equal(cache.delete_many(["a", "b"]), 2, "delete_many")
    equal(cache.has_key("a"), False, "has_key after it")


def check_django_counters(cache) -> None:
    cache.set("n", 5)
    equal(cache.incr("n"), 6, "incr")
    equal(cache.decr("n", 2), 4, "decr")
    equal(cache.get("n"), 4, "get of a counter")


def check_django_counters_by_eval(cache) -> None:
    """What its `incr` leaves to EVAL: without that it reads and writes, and mistakes a missing key."""
    with refused(ValueError, "not found", "incr of a missing key"):
        cache.incr("missing")


def check_django_patterns(cache) -> None:
    cache.set_many({f"user:{number}": number for number in range(30)} | {"kept": 1})
    equal(len(list(cache.iter_keys("user:*"))), 30, "iter_keys")
    equal(sorted(cache.keys("user:1?"))[0], "user:10", "keys")
    equal(cache.delete_pattern("user:*", itersize=7), 30, "delete_pattern")
    equal((cache.get("user:3"), cache.get("kept")), (None, 1), "get after delete_pattern")


def check_django_lock(cache) -> None:
    """A counter that is read and written under a lock counts every thread."""
    cache.set("count", 0)

    def work() -> None:
        for _ in range(5):
            with cache.lock("counting", timeout=30, sleep=0.01):
                cache.set("count", cache.get("count") + 1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    equal(cache.get("count"), 20, "what four threads counted")


def check_django_sessions() -> None:
    from django.contrib.sessions.backends.cache import SessionStore

    session = SessionStore()
    session["basket"] = ["tea"]
    session.save()
    true(session.exists(session.session_key), "the session exists")
    again = SessionStore(session.session_key)
    equal(again["basket"], ["tea"], "a session that was saved")
    again.flush()
    equal(SessionStore(session.session_key).get("basket"), None, "a session that was flushed")


async def main() -> None:
    endpoint, suite = Endpoint.from_environment(), Suite()
    print(f"libraries on redis-py {redis.__version__} against {endpoint.kind} at "
          f"{endpoint.host}:{endpoint.port}", flush=True)
    for options in ({}, {"protocol": 2}, {"protocol": 3}):
        client = redis.Redis.from_url(endpoint.url, **options)
        await suite.check(f"cachelib {options}", check_cachelib, suite, client)
        await suite.check(f"flask-session {options}", check_flask_session, suite, client)
        client.close()
    cache = django_cache(endpoint, suite.key("django").replace(":", "-"))
    for check in (check_django_values, check_django_counters, check_django_patterns, check_django_lock):
        await suite.check(f"django-redis: {check.__name__}", check, cache)
    if endpoint.is_redis:
        await suite.check("django-redis: counters by EVAL", check_django_counters_by_eval, cache)
    else:
        print("  django-redis: counters by EVAL are not asked for; EVAL is not served", flush=True)
    await suite.check("django-redis: check_django_sessions", check_django_sessions)
    suite.finish()


if __name__ == "__main__":
    asyncio.run(main())
