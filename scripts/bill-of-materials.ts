/**
 * What is in the executable, for those who must know: a bill of materials (CycloneDX), and the notices that the
 * licences ask for. The packages are those of the bundler's own account, by CycloneDX's plug-in, which tells them into
 * a file; the runtime and what is linked into the Kafka client's addon is added here.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { StandaloneAddon } from "../native/build.ts";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dir, "..");

interface Licence {
  readonly license?: { readonly id?: string; readonly name?: string; readonly text?: Text };
  readonly expression?: string;
}

interface Text {
  readonly content: string;
  readonly encoding?: "base64";
}

interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly licenses?: readonly Licence[];
  readonly purl?: string;
  readonly evidence?: { readonly licenses?: readonly Licence[] };
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

interface Bill {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

/** A part that no package manager of JavaScript knows. */
interface NativePart {
  readonly name: string;
  readonly version: string;
  /** The SPDX expression. */
  readonly licence: string;
  readonly url: string;
  /** Files in one of which its licence is; what is said where there is none. */
  readonly texts: readonly string[];
  readonly note?: string;
}

const LINKED: Readonly<Record<string, Omit<NativePart, "name" | "version">>> = {
  OpenSSL: {
    licence: "Apache-2.0",
    url: "https://www.openssl.org",
    texts: ["/usr/share/doc/libssl-dev/copyright"],
  },
  zlib: {
    licence: "Zlib",
    url: "https://zlib.net",
    texts: ["/usr/share/doc/zlib1g-dev/copyright"],
  },
  zstd: {
    licence: "BSD-3-Clause OR GPL-2.0-only",
    url: "https://facebook.github.io/zstd",
    texts: ["/usr/share/doc/libzstd-dev/copyright"],
  },
  curl: { licence: "curl", url: "https://curl.se", texts: [] },
};

/** The runtime, and what is in the addon. */
function nativeParts(addon: StandaloneAddon): NativePart[] {
  const { bun = "", sqlite = "" } = process.versions;
  const client = join(root, "node_modules/@confluentinc/kafka-javascript");
  const linked = addon.linked.map(({ name, version, archives }) => {
    const known = LINKED[name];
    if (known === undefined) throw new Error(`scripts/bill-of-materials.ts knows no ${name}`);
    const besides = join(dirname(archives[0] ?? ""), "COPYING");
    return { name, version, ...known, texts: [besides, ...known.texts] };
  });
  return [
    {
      name: "Bun",
      version: bun,
      licence: "MIT",
      url: "https://bun.com",
      texts: [],
      note: `Bun's licence, and those of the libraries that are linked into it, are listed at
https://github.com/oven-sh/bun/blob/bun-v${bun}/LICENSE.md. Among them are JavaScriptCore (LGPL-2.0, its sources:
https://github.com/oven-sh/webkit) and TinyCC (LGPL-2.1). Whoever wants to link the executable with others builds
Bun with them, as is written there, and then the executable from the sources of this service with that Bun.`,
    },
    {
      name: "SQLite",
      version: sqlite,
      licence: "blessing",
      url: "https://www.sqlite.org",
      texts: [],
      note: "SQLite is in the public domain: https://www.sqlite.org/copyright.html",
    },
    {
      name: "librdkafka",
      version: addon.librdkafkaVersion,
      licence: "BSD-2-Clause",
      url: "https://github.com/confluentinc/librdkafka",
      // With those of what it has copies of: LZ4, Snappy, cJSON, nanopb and others.
      texts: [join(client, "deps/librdkafka/LICENSES.txt")],
    },
    ...linked,
    {
      name: "libstdc++ and libgcc",
      version: "",
      licence: "GPL-3.0-or-later WITH GCC-exception-3.1",
      url: "https://gcc.gnu.org",
      texts: [],
      note: "The compiler's own libraries, under its runtime library exception.",
    },
  ];
}

/** Adds the parts that the plug-in cannot know to the bill that it wrote. */
export function completeBill(path: string, addon: StandaloneAddon): void {
  const bill: Bill = JSON.parse(readFileSync(path, "utf8"));
  const main = bill.metadata.component["bom-ref"];
  const parts: Component[] = nativeParts(addon).map(({ name, version, licence, url }) => {
    const purlName = name.toLowerCase().replace(/\s.*/, "").replaceAll("+", "%2B");
    return {
      type: name === "Bun" ? "platform" : "library",
      "bom-ref": `native/${purlName}`,
      name,
      version,
      licenses: / |^curl$/.test(licence)
        ? [{ expression: licence }]
        : [{ license: { id: licence } }],
      purl: `pkg:generic/${purlName}${version === "" ? "" : `@${version}`}`,
      externalReferences: [{ type: "website", url }],
    };
  });
  const refs = parts.map((part) => part["bom-ref"]);
  const dependencies = bill.dependencies.map((dependency) =>
    dependency.ref === main
      ? { ...dependency, dependsOn: [...(dependency.dependsOn ?? []), ...refs] }
      : dependency,
  );
  const complete = {
    ...bill,
    components: [...bill.components, ...parts],
    dependencies: [...dependencies, ...refs.map((ref) => ({ ref }))],
  };
  writeFileSync(path, `${JSON.stringify(complete, null, 2)}\n`);
}

/** Writes the licences of everything that is in the bill, with their texts. */
export function writeNotices(bill: string, addon: StandaloneAddon, path: string): void {
  const { components }: Bill = JSON.parse(readFileSync(bill, "utf8"));
  const packages = components
    .filter((component) => !component["bom-ref"].startsWith("native/"))
    .map((component) => {
      const { group, name, version } = component;
      const title = `${group === undefined ? "" : `${group}/`}${name} ${version}`;
      const texts = (component.evidence?.licenses ?? []).flatMap(({ license }) =>
        license?.text === undefined ? [] : [plain(license.text)],
      );
      return section(title, licencesOf(component), texts);
    });
  const natives = nativeParts(addon).map(({ name, version, licence, url, texts, note }) => {
    const file = texts.find((each) => existsSync(each));
    const text = note ?? (file === undefined ? `Its text: ${url}` : readFileSync(file, "utf8"));
    return section(`${name} ${version}`.trim(), licence, [text]);
  });
  const heading = `Third-party notices of arrest-events ${manifest.version}

The executable is licensed under the Apache License 2.0 and contains the following.
`;
  writeFileSync(path, [heading, ...natives, ...packages].join("\n"));
}

function licencesOf({ licenses = [] }: Component): string {
  return licenses
    .map(({ license, expression }) => expression ?? license?.id ?? license?.name ?? "")
    .join(", ");
}

function plain({ content, encoding }: Text): string {
  return encoding === "base64" ? Buffer.from(content, "base64").toString() : content;
}

function section(title: string, licence: string, texts: readonly string[]): string {
  const line = "=".repeat(78);
  const body = texts.map((text) => text.trim()).join("\n\n");
  return `${line}\n${title} (${licence})\n${line}\n\n${body === "" ? "Its package has no text of it: see https://spdx.org/licenses." : body}\n`;
}
