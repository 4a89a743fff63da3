import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import fc from "fast-check";
import { preferredCoding } from "../../src/http/content-coding.ts";
import { type Service, sendJson, startService, VALID_MEMBERS } from "../support/http-service.ts";
import { someEvents } from "../support/many-events.ts";
import { checkAsync } from "../support/property.ts";
import { letter } from "../support/store.ts";

// A busy machine is no failure.
setDefaultTimeout(60_000);

let service: Service;

beforeAll(async () => {
  service = await startService();
  service.store(someEvents(5000));
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

interface Bytes {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Asks as a client that decompresses nothing. */
async function ask(path: string, encoding?: string, init: RequestInit = {}): Promise<Bytes> {
  const headers = { ...init.headers, "Accept-Encoding": encoding ?? "" };
  const answer = await fetch(`${service.url}${path}`, { ...init, headers, decompress: false });
  return {
    status: answer.status,
    headers: answer.headers,
    bytes: new Uint8Array(await answer.arrayBuffer()),
  };
}

function decode({ headers, bytes }: Bytes): string {
  switch (headers.get("Content-Encoding")) {
    case "gzip":
      return Buffer.from(Bun.gunzipSync(bytes)).toString();
    case "zstd":
      return Bun.zstdDecompressSync(bytes).toString();
    default:
      return Buffer.from(bytes).toString();
  }
}

const ALL = "/arrest_events";
const LARGE = {
  "a stream": ALL,
  "a stream of lines": `${ALL}?format=ndjson`,
  "a page": `${ALL}?limit=100&format=csv`,
  groups: `${ALL}/stats?group_by=officer_id&group_by=hour`,
  "the OpenAPI document": "/openapi.json",
  "the metrics": "/metrics",
  "a file of the page": "/docs/swagger-ui.css",
};

describe("a client's Accept-Encoding", () => {
  test.each([
    [null, "identity"],
    ["", "identity"],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["GZIP", "gzip"],
    ["zstd", "zstd"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip;q=1.0, zstd;q=0.9", "gzip"],
    ["gzip;q=0.5, zstd;q=0", "gzip"],
    ["br, deflate", "identity"],
    ["identity", "identity"],
    ["identity, gzip;q=0.5", "identity"],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["gzip;q=0", "identity"],
    ["*", "zstd"],
    ["*, zstd;q=0", "gzip"],
    ["gzip, *;q=0", "gzip"],
    ["*;q=0, identity", "identity"],
    ["identity;q=0, *", "zstd"],
    ["identity;q=0, gzip;q=0.1", "gzip"],
    ["identity;q=0", undefined],
    ["*;q=0", undefined],
    ["br, identity;q=0", undefined],
  ] as const)("of %p prefers %p", (header, coding) => {
    expect(preferredCoding(header)).toBe(coding);
  });
});

/**
 * What a header says of a coding by its names: the weights where it names it, else those of `*` (RFC 9110,
 * 12.5.3). What is no weight counts as none given, which is 1.
 */
function weightsOf(header: string, names: readonly string[]): number[] {
  const members = header.split(",").map((member) => {
    const [name = "", ...parameters] = member.split(";").map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) =>
      /^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(parameter),
    );
    return { name, weight: Number(weight?.slice(2) ?? 1) };
  });
  const named = members.filter(({ name }) => names.includes(name));
  const meant = named.length > 0 ? named : members.filter(({ name }) => name === "*");
  return meant.map(({ weight }) => weight);
}

/** Whether a header allows and whether it excludes a coding: one that says both of it may be taken either way. */
function readingsOf(header: string, coding: string): { allows: boolean; excludes: boolean } {
  const weights = weightsOf(header, coding === "gzip" ? ["gzip", "x-gzip"] : [coding]);
  // Of what a header says nothing of, it allows identity only.
  if (weights.length === 0) weights.push(coding === "identity" ? 1 : 0);
  return { allows: weights.some((weight) => weight > 0), excludes: weights.includes(0) };
}

test("whatever the header says, the answer is one that it allows, or none is", async () => {
  const token = fc.constantFrom("gzip", "zstd", "identity", "*", "br", "x-gzip", "GZIP", "", "a b");
  const weight = fc.constantFrom(
    "",
    ";q=0",
    ";q=0.5",
    ";q=1",
    ";q=",
    ";q=2",
    ";Q=0.1",
    "; q=0.001",
  );
  const part = fc.oneof(
    fc.tuple(token, weight).map((both) => both.join("")),
    fc.string(),
  );
  await checkAsync(
    fc.asyncProperty(
      fc.array(part, { maxLength: 5 }),
      fc.constantFrom(1, 50),
      async (parts, limit) => {
        const header = parts
          .join(", ")
          .replaceAll(/[^\x20-\x7e]/g, "")
          .trim();
        const answer = await ask(`${ALL}?limit=${limit}`, header);
        const coding = answer.headers.get("Content-Encoding") ?? "identity";
        expect([200, 406]).toContain(answer.status);
        if (answer.status === 200) expect(JSON.parse(decode(answer))).toHaveLength(limit);
        // A quoted string may take in members behind it; those that are meant here have none.
        if (header.includes('"')) return;
        if (answer.status === 200) expect(readingsOf(header, coding).allows).toBe(true);
        else {
          const codings = ["identity", "gzip", "zstd"];
          expect(codings.filter((each) => !readingsOf(header, each).excludes)).toEqual([]);
        }
      },
    ),
    300,
  );
});

describe.each(Object.entries(LARGE))("%s", (_, path) => {
  test.each(["gzip", "zstd"])("is compressed by %s, and the same in it", async (coding) => {
    const plain = await ask(path);
    const compressed = await ask(path, coding);
    expect(compressed.headers.get("Content-Encoding")).toBe(coding);
    expect(compressed.headers.get("Content-Type")).toBe(`${plain.headers.get("Content-Type")}`);
    expect(compressed.bytes.byteLength).toBeLessThan(plain.bytes.byteLength / 2);
    // The second scrape counts the first.
    if (path !== "/metrics") expect(decode(compressed)).toBe(decode(plain));
  });

  test("is not compressed unasked, and tells that it depends on being asked", async () => {
    for (const encoding of [undefined, "identity", "br"]) {
      const { headers } = await ask(path, encoding);
      expect(headers.get("Content-Encoding")).toBeNull();
      expect(headers.get("Vary")).toContain("Accept-Encoding");
    }
  });

  test("has the headers in the answer to HEAD that it has in that to GET", async () => {
    for (const coding of ["gzip", "zstd"]) {
      const [get, head] = await Promise.all([
        ask(path, coding),
        ask(path, coding, { method: "HEAD" }),
      ]);
      for (const name of ["Content-Encoding", "Vary", "ETag", "Content-Type"]) {
        expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)]);
      }
      const length = get.headers.get("Content-Length");
      if (path === "/metrics") continue;
      expect(head.headers.get("Content-Length")).toBe(length);
      if (length !== null) expect(Number(length)).toBe(get.bytes.byteLength);
    }
  });
});

describe("a small answer", () => {
  test.each([`${ALL}?limit=1`, `${ALL}/1/history`, "/docs/favicon.png"])(
    "is compressed only for a client that takes nothing else: %s",
    async (path) => {
      expect((await ask(path, "gzip, zstd")).headers.get("Content-Encoding")).toBeNull();
      const forced = await ask(path, "gzip, identity;q=0");
      expect(forced.headers.get("Content-Encoding")).toBe("gzip");
      expect(decode(forced)).toBe(decode(await ask(path)));
    },
  );

  test.each([`${ALL}/1`, "/livez", "/readyz"])(
    "that never is compressed does not depend on the header: %s",
    async (path) => {
      const { status, headers } = await ask(path, "gzip, *;q=0");
      expect([status, headers.get("Content-Encoding"), headers.get("Vary")]).toEqual([
        200,
        null,
        null,
      ]);
    },
  );

  test("of no event at all is a whole answer in each coding", async () => {
    for (const coding of ["gzip", "zstd"]) {
      expect(decode(await ask(`${ALL}?officer_id=9007199254740991`, coding))).toBe("[]");
    }
  });
});

test("a dead letter that is large is compressed", async () => {
  service.refuse([letter({ value: Buffer.from("x".repeat(100_000)) })]);
  for (const path of ["/dead_letters/1", "/dead_letters?limit=1000"]) {
    const plain = await ask(path);
    const asked = await ask(path, "zstd, identity;q=0");
    expect([asked.headers.get("Content-Encoding"), decode(asked)]).toEqual(["zstd", decode(plain)]);
  }
});

test("a problem is not compressed, whatever it answers", async () => {
  const { status, headers } = await ask(`${ALL}?limit=x`, "gzip, identity;q=0");
  expect([status, headers.get("Content-Encoding")]).toEqual([422, null]);
  const created = await ask(ALL, "gzip", sendJson("POST", VALID_MEMBERS));
  expect([created.status, created.headers.get("Content-Encoding")]).toEqual([201, null]);
});

test("each coding of a file has an entity tag of its own", async () => {
  const path = "/docs/swagger-ui.css";
  const tags = new Set<string>();
  for (const coding of ["", "gzip", "zstd"]) {
    const tag = `${(await ask(path, coding)).headers.get("ETag")}`;
    const known = await ask(path, coding, { headers: { "If-None-Match": tag } });
    expect([known.status, known.headers.get("ETag")]).toEqual([304, tag]);
    expect(known.headers.get("Content-Encoding")).toBeNull();
    for (const other of tags) {
      const sent = await ask(path, coding, { headers: { "If-None-Match": other } });
      expect(sent.status).toBe(200);
    }
    tags.add(tag);
  }
  expect(tags.size).toBe(3);
});

describe.each(["gzip", "zstd"])("a stream in %s", (coding) => {
  test("gives what there is before the next part is read", async () => {
    await using own = await startService();
    own.store(someEvents(3000));
    const request = new Request("http://localhost/arrest_events?format=ndjson", {
      headers: { "Accept-Encoding": coding },
    });
    const { body } = await own.app.fetch(request);
    const reader = body?.getReader();
    expect(own.pages).toEqual([]);
    const first = await reader?.read();
    expect(own.pages).toHaveLength(1);
    const stream = new Blob([first?.value ?? ""]).stream();
    // The part ends at no end of the whole, which the decompressor would miss: it is not asked for it.
    const decoder = stream.pipeThrough(new DecompressionStream(coding as "gzip")).getReader();
    let text = "";
    while (text.split("\n").length <= 1000) {
      text += Buffer.from((await decoder.read()).value ?? []).toString();
    }
    expect(text.split("\n")).toHaveLength(1001);
    await reader?.cancel();
  });

  test("is read no faster than it is taken, and no further when nobody is left", async () => {
    await using own = await startService();
    own.store(someEvents(20_000));
    const { body } = await own.app.fetch(
      new Request("http://localhost/arrest_events", { headers: { "Accept-Encoding": coding } }),
    );
    const reader = body?.getReader();
    for (let pages = 1; pages <= 5; pages++) {
      expect((await reader?.read())?.value?.byteLength).toBeGreaterThan(0);
      await own.ask("/livez");
      expect(own.pages).toHaveLength(pages);
    }
    await reader?.cancel();
    await own.ask("/livez");
    expect(own.pages).toHaveLength(5);
  });

  test("breaks off when reading fails, so that a part is not taken for the whole", async () => {
    await using own = await startService();
    own.store(someEvents(100_000));
    const answer = await fetch(`${own.url}/arrest_events`, {
      headers: { "Accept-Encoding": coding },
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    own.faults.unreadable = true;
    const read = async () => {
      while (!(await reader?.read())?.done);
    };
    await expect(read()).rejects.toThrow();
    expect(own.logged).toMatchObject([{ msg: "the stream of events was cut" }]);
  });
});
