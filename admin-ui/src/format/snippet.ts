// How to connect, in the words of each language's most used client.

export type Target = { host: string; port: number; user: string; password: string; ownPort: boolean };

/** The text that stands for a password nobody sees again. */
export const HIDDEN = "PASSWORD";

export type Snippet = { language: string; package: string; text: (target: Target) => string };

export const SNIPPETS: readonly Snippet[] = [
  {
    language: "redis-cli",
    package: "comes with Redis",
    text: (at) =>
      `redis-cli -h ${shell(at.host)} -p ${at.port} --user ${shell(at.user)} --pass ${shell(at.password)} SET greeting hello EX 3600`,
  },
  {
    language: "Python",
    package: "pip install redis",
    text: (at) => `import redis

r = redis.Redis(host=${text(at.host)}, port=${at.port}, username=${text(at.user)}, password=${text(at.password)})
r.set("greeting", "hello", ex=3600)
print(r.get("greeting"))`,
  },
  {
    language: "Node",
    package: "npm install redis",
    text: (at) => `import { createClient } from "redis";

const client = await createClient({
  socket: { host: ${text(at.host)}, port: ${at.port} },
  username: ${text(at.user)},
  password: ${text(at.password)},
}).connect();
await client.set("greeting", "hello", { EX: 3600 });
console.log(await client.get("greeting"));`,
  },
  {
    language: "Java",
    package: "redis.clients:jedis",
    text: (at) => `import redis.clients.jedis.JedisPooled;

try (var redis = new JedisPooled(${text(at.host)}, ${at.port}, ${text(at.user)}, ${text(at.password)})) {
    redis.setex("greeting", 3600, "hello");
    System.out.println(redis.get("greeting"));
}`,
  },
  {
    language: "Go",
    package: "go get github.com/redis/go-redis/v9",
    text: (at) => `rdb := redis.NewClient(&redis.Options{
	Addr:     ${text(`${bracketed(at.host)}:${at.port}`)},
	Username: ${text(at.user)},
	Password: ${text(at.password)},
})
err := rdb.Set(ctx, "greeting", "hello", time.Hour).Err()`,
  },
  {
    language: "Rust",
    package: "cargo add redis",
    text: (at) => `use redis::Commands;

let client = redis::Client::open(${text(
      `redis://${encodeURIComponent(at.user)}:${encodeURIComponent(at.password)}@${bracketed(at.host)}:${at.port}`,
    )})?;
let mut connection = client.get_connection()?;
let () = connection.set_ex("greeting", "hello", 3600)?;`,
  },
];

/** A string literal that all of the languages above read alike. */
function text(value: string): string {
  return JSON.stringify(value);
}

/** A word for the shell. */
function shell(value: string): string {
  return /^[\w.:@%+=/-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

/** IPv6 addresses before a port need brackets. */
function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
