import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Source {
  /** From the root, with `/`. */
  file: string;
  text: string;
  /** Packages, `node:` modules, and own files as paths from the root. */
  imports: string[];
}

function sourcesIn(folder: string): Source[] {
  const names = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  return names.map((name) => {
    const path = join(root, folder, name);
    const text = readFileSync(path, 'utf8');
    const named = text.matchAll(
      /(?:^|\n)\s*(?:import|export)\s(?:[^'";]*?\sfrom\s)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g,
    );
    const imports = [...named].map(([, fixed, late]) => toRoot(path, fixed ?? late ?? ''));
    return { file: relative(root, path).replaceAll('\\', '/'), text, imports };
  });
}

const toRoot = (from: string, specifier: string) =>
  specifier.startsWith('.') ? relative(root, resolve(from, '..', specifier)).replaceAll('\\', '/') : specifier;

const shared = sourcesIn('shared');
const functions = sourcesIn('functions');
const local = sourcesIn('local');
const deployed = [...shared, ...functions];

const isOwn = (name: string) => /^(shared|functions|local|test|infra)\//.test(name);

/** Each import of `sources` that `allowed` does not admit, as a sentence that says how to mend it. */
const forbidden = (sources: Source[], allowed: (name: string, source: Source) => boolean, mend: string) =>
  sources.flatMap((source) =>
    source.imports.filter((name) => !allowed(name, source)).map((name) => `${source.file} imports ${name}: ${mend}`),
  );

const under = (folder: string) => shared.filter(({ file }) => file.startsWith(`shared/${folder}/`));

/** Lines of code that match, comments aside. */
const matching = (sources: Source[], pattern: RegExp, mend: string) =>
  sources.flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, index) => {
      const isComment = /^\s*(\*|\/\*|\/\/)/.test(line);
      return !isComment && pattern.test(line) ? [`${file}:${index + 1} ${line.trim()}: ${mend}`] : [];
    }),
  );

describe('imports go down only', () => {
  it('finds the sources and their imports', () => {
    expect(shared.length).toBeGreaterThan(30);
    expect(shared.find(({ file }) => file === 'shared/services.ts')?.imports).toEqual([
      'shared/compose.ts',
      'shared/config.ts',
    ]);
    expect(shared.find(({ file }) => file === 'shared/adapters/service-bus/connection.ts')?.imports).toContain(
      '@azure/service-bus',
    );
  });

  it('from the domain to zod, node:crypto, errors and the domain itself', () => {
    const allowed = (name: string) =>
      ['zod', 'node:crypto', 'shared/errors.ts'].includes(name) || name.startsWith('shared/domain/');
    expect(forbidden(under('domain'), allowed, 'the domain is pure; hand the value in as an argument')).toEqual([]);
  });

  it('from ports to the domain', () => {
    const ports = shared.filter(({ file }) => file === 'shared/ports.ts');
    const allowed = (name: string) => name.startsWith('shared/domain/');
    expect(forbidden(ports, allowed, 'ports speak the words of the domain; put the type there')).toEqual([]);
  });

  it('from use cases to domain, ports, errors, log and other use cases; of packages only p-limit', () => {
    const allowed = (name: string) =>
      ['shared/ports.ts', 'shared/errors.ts', 'shared/log.ts', 'node:crypto', 'p-limit'].includes(name) ||
      /^shared\/(domain|use-cases)\//.test(name);
    expect(
      forbidden(under('use-cases'), allowed, 'ask for a port in Deps and let compose.ts hand the adapter in'),
    ).toEqual([]);
  });

  it('from triggers to use cases, domain, errors and log', () => {
    const allowed = (name: string) =>
      ['@azure/functions', 'zod', 'shared/errors.ts', 'shared/log.ts'].includes(name) ||
      /^shared\/(domain|use-cases|triggers)\//.test(name);
    expect(forbidden(under('triggers'), allowed, 'a trigger only translates; move the work into a use case')).toEqual(
      [],
    );
  });

  it.each(['graph', 'storage', 'service-bus'])('from the %s adapter to no other vendor', (vendor) => {
    const others = ['graph', 'storage', 'service-bus'].filter((name) => name !== vendor);
    const allowed = (name: string) =>
      !others.some((other) => name.startsWith(`shared/adapters/${other}/`)) &&
      !/^shared\/(use-cases|triggers|compose|services)/.test(name);
    const mend = 'adapters know only their own service; share through shared/adapters/*.ts or the domain';
    expect(forbidden(under(`adapters/${vendor}`), allowed, mend)).toEqual([]);
  });

  it.each([
    ['@azure/service-bus', 'shared/adapters/service-bus/'],
    ['@azure/data-tables', 'shared/adapters/storage/'],
    ['@azure/storage-blob', 'shared/adapters/storage/'],
    ['@azure/msal-node', 'shared/adapters/graph/'],
    ['@microsoft/microsoft-graph-client', 'shared/adapters/graph/'],
  ])('to %s only from %s', (name, home) => {
    const users = deployed.filter(({ imports }) => imports.includes(name)).map(({ file }) => file);
    expect(
      users.filter((file) => !file.startsWith(home)),
      `wrap ${name} in ${home} behind a port`,
    ).toEqual([]);
    expect(users.length).toBeGreaterThan(0);
  });

  it('to services only from functions', () => {
    const users = [...shared, ...local].filter(({ imports }) => imports.includes('shared/services.ts'));
    expect(users.map(({ file }) => `${file} imports services: take what you need as an argument`)).toEqual([]);
  });

  it('from functions to services and triggers', () => {
    const allowed = (name: string) =>
      ['@azure/functions', 'shared/services.ts'].includes(name) || /^(shared\/triggers|functions)\//.test(name);
    expect(forbidden(functions, allowed, 'a registration names its trigger and its use case, nothing else')).toEqual(
      [],
    );
  });
});

describe('what is deployed and what is not', () => {
  it('local knows nothing of the app, so that it cannot repeat its misreadings', () => {
    const allowed = (name: string) => !/^(shared|functions|test)\//.test(name);
    expect(forbidden(local, allowed, 'write it again from the documentation, in local/')).toEqual([]);
  });

  it('the app knows nothing of local and of tests', () => {
    const allowed = (name: string) => !isOwn(name) || /^(shared|functions)\//.test(name);
    expect(forbidden(deployed, allowed, 'what is deployed stands alone; move what it needs into shared/')).toEqual([]);
  });
});

describe('the world outside is an argument', () => {
  it('settings are read in services.ts alone', () => {
    const others = deployed.filter(({ file }) => file !== 'shared/services.ts');
    expect(matching(others, /\bprocess\.env\b/, 'add the setting to config.ts and take it from Config')).toEqual([]);
  });

  it('domain and use cases ask no clock, no timer and no dice of their own', () => {
    const pure = [...under('domain'), ...under('use-cases')];
    const mend = 'use the clock, after, random or newId of the ports';
    expect(
      matching(pure, /\bDate\.now\b|new Date\(\)|Math\.random|setTimeout|setInterval|randomUUID|process\./, mend),
    ).toEqual([]);
  });
});

describe('files stay small', () => {
  it('none that is deployed has more than 300 lines', () => {
    const long = deployed
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > 300)
      .map(({ file, lines }) => `${file} has ${lines} lines: give its second subject a file of its own`);
    expect(long).toEqual([]);
  });

  it('none has a name that says nothing', () => {
    const vague = [...deployed, ...local].filter(({ file }) =>
      /(?:^|\/)(index|utils?|helpers?|common|misc)\.ts$/.test(file),
    );
    expect(vague.map(({ file }) => `${file}: name it after its subject`)).toEqual([]);
  });
});
