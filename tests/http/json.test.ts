import { expect, test } from "bun:test";
import fc from "fast-check";
import { JsonError, MAX_VALUES, readArray, readJsonText } from "../../src/http/json.ts";
import { check } from "../support/property.ts";

const space = fc.constantFrom("", " ", "\n", "\t\r\n ");

/** What `read` gives, or `undefined` where the text is no JSON. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof JsonError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A text with a character taken out, put in, or none. */
const perhapsBroken = (text: fc.Arbitrary<string>) =>
  fc
    .tuple(
      text,
      fc.nat(),
      fc.constantFrom("", "", "[", "]", "{", "}", ",", '"', ":", "\\", "1", " "),
    )
    .chain(([json, nat, inserted]) => {
      const at = nat % (json.length + 1);
      const [before, after] = [json.slice(0, at), json.slice(at)];
      return fc.constantFrom(json, `${before}${inserted}${after}`, `${before}${after.slice(1)}`);
    });

test("the items of an array are those that JSON.parse finds, and what it refuses is refused", () => {
  const items = fc.array(fc.tuple(space, fc.json(), space).map((parts) => parts.join("")));
  const arrays = fc
    .tuple(space, items, space)
    .map(([before, each, after]) => `${before}[${each.join()}]${after}`);
  const seen = { arrays: 0, refused: 0 };
  check(
    fc.property(perhapsBroken(arrays), (text) => {
      const expected = orUndefined(() => JSON.parse(text) as unknown);
      const found = orUndefined(() => {
        const read = readArray(text);
        return read && [...read].map(({ value }) => value);
      });
      if (Array.isArray(expected)) expect(found).toEqual(expected);
      else expect(found).toBeUndefined();
      seen[found === undefined ? "refused" : "arrays"]++;
    }),
    3000,
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});

test("the members of the outermost object that are given twice are told, however their names are written", () => {
  const { value, repeated } = readJsonText(
    ' {"a":1,"b" : {"b":1,"b":2},"\\u0061":"a","c":["a","a"],"~/":"\\\\","~/" :0,"a":3} ',
  );
  expect(value).toEqual({ a: 3, b: { b: 2 }, c: ["a", "a"], "~/": 0 });
  expect(repeated).toEqual(["/a", "/~0~1"]);
});

test("a text of more members and items than there may be is given up before it is parsed", () => {
  const asMany = (count: number) => `[${"1,".repeat(count - 1)}1]`;
  expect(readJsonText(asMany(MAX_VALUES)).value).toHaveLength(MAX_VALUES);
  for (const text of [
    asMany(MAX_VALUES + 1),
    // What is behind them is not looked at: it is no JSON.
    `${"[".repeat(MAX_VALUES + 1)}}`,
    `${'{"a":'.repeat(MAX_VALUES + 1)}`,
  ]) {
    expect(() => readJsonText(text)).toThrow(`more than ${MAX_VALUES} members and items`);
    expect(() => [...(readArray(`[${text}]`) ?? [])]).toThrow("members and items");
  }
});

test("the items of an array are read when they are asked for", () => {
  const items = readArray(`[1,{"a":2},nul`)?.[Symbol.iterator]();
  expect(items?.next().value).toEqual({ value: 1, repeated: [] });
  expect(items?.next().value).toEqual({ value: { a: 2 }, repeated: [] });
  expect(() => items?.next()).toThrow(JsonError);
});
