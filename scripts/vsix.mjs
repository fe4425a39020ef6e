// Packs the VS Code extension: `npm run vsix [FILE]` writes boruna-ax.vsix. The extension's code is bundled with the client of the
// Language Server Protocol. A .vsix is a ZIP file with the files of the extension and two descriptions; `zipOf` stores the files without
// compression, in a fixed order and with a fixed date, so that the same files make the same package.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { rolldown } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "editors", "vscode");

async function bundledExtension() {
  const bundle = await rolldown({ input: join(folder, "src", "extension.js"), platform: "node", external: ["vscode"] });
  const { output } = await bundle.generate({ format: "cjs", minify: true });
  await bundle.close();
  if (output.length !== 1 || output[0].type !== "chunk") throw new Error("the extension must be one file");
  return Buffer.from(output[0].code);
}

const escaped = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function manifestOf({ name, displayName, description, version, publisher, engines, categories }) {
  return `<?xml version="1.0" encoding="utf-8"?>
<PackageManifest Version="2.0.0" xmlns="http://schemas.microsoft.com/developer/vsx-schema/2011">
  <Metadata>
    <Identity Language="en-US" Id="${escaped(name)}" Version="${escaped(version)}" Publisher="${escaped(publisher)}"/>
    <DisplayName>${escaped(displayName)}</DisplayName>
    <Description xml:space="preserve">${escaped(description)}</Description>
    <Categories>${escaped(categories.join(","))}</Categories>
    <Properties><Property Id="Microsoft.VisualStudio.Code.Engine" Value="${escaped(engines.vscode)}"/></Properties>
  </Metadata>
  <Installation><InstallationTarget Id="Microsoft.VisualStudio.Code"/></Installation>
  <Dependencies/>
  <Assets><Asset Type="Microsoft.VisualStudio.Code.Manifest" Path="extension/package.json" Addressable="true"/></Assets>
</PackageManifest>
`;
}

const CONTENT_TYPES = `<?xml version="1.0" encoding="utf-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension=".json" ContentType="application/json"/><Default Extension=".cjs" ContentType="application/javascript"/><Default Extension=".vsixmanifest" ContentType="text/xml"/></Types>
`;

/** 1980-01-01, the first date that a ZIP file can hold. */
const DATE = 0x21;

/** Returns a ZIP file (APPNOTE.TXT 6.3.10) of the files, stored. */
function zipOf(files) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const [name, data] of files) {
    const path = Buffer.from(name);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(20, 4);
    header.writeUInt16LE(DATE, 12);
    header.writeUInt32LE(crc32(data), 14);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(data.length, 22);
    header.writeUInt16LE(path.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(20, 4);
    header.copy(entry, 6, 4, 28);
    entry.writeUInt32LE(offset, 42);
    parts.push(header, path, data);
    directory.push(entry, path);
    offset += header.length + path.length + data.length;
  }
  const size = directory.reduce((sum, part) => sum + part.length, 0);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 8);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
const own = ["package.json", "language-configuration.json", "syntaxes/ax.tmLanguage.json"];
const target = process.argv[2] ?? join(root, "boruna-ax.vsix");
writeFileSync(
  target,
  zipOf([
    ["[Content_Types].xml", Buffer.from(CONTENT_TYPES)],
    ["extension.vsixmanifest", Buffer.from(manifestOf(manifest))],
    ...own.map((name) => [`extension/${name}`, readFileSync(join(folder, name))]),
    ["extension/dist/extension.cjs", await bundledExtension()],
  ]),
);
process.stdout.write(`${target}\n`);
