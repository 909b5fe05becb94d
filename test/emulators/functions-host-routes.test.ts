import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HostJson, readHostJson } from '../../local/functions-host/host-json.ts';
import { parseRouteTemplate } from '../../local/functions-host/route-template.ts';

const match = (template: string, pathname: string) => parseRouteTemplate(template).match(pathname.split('/'));

describe('route templates', () => {
  test.each([
    ['a/{id}', 'a/1', { id: '1' }],
    ['a/{id}', 'A/x%20y', { id: 'x y' }],
    ['a/{id}', 'a/x%2Fy', { id: 'x%2Fy' }],
    ['a/{id}', 'a/%E0%A4%A', { id: '%E0%A4%A' }],
    ['a/{id?}', 'a', {}],
    ['a/{id=7}', 'a', { id: '7' }],
    ['a/{id=7}', 'a/8', { id: '8' }],
    ['a/{*rest}', 'a/b/c%20d', { rest: 'b/c d' }],
    ['a/{*rest}', 'a', {}],
    ['{a}-{b}/{file}.{extension}', 'x-y/mail.eml', { a: 'x', b: 'y', file: 'mail', extension: 'eml' }],
    ['a.b/{id:int}', 'a.b/-5', { id: '-5' }],
    ['{id:guid}', '00000003-0000-0000-c000-000000000000', { id: '00000003-0000-0000-c000-000000000000' }],
    ['{id:length(2,3):alpha}', 'abc', { id: 'abc' }],
    ['{id:range(1,5)}', '5', { id: '5' }],
    ['{id:min(1)}', '9', { id: '9' }],
    ['{id:bool}', 'TRUE', { id: 'TRUE' }],
    ['{id:regex(^m.*$)?}', 'mail', { id: 'mail' }],
    ['{id:long?}', '9007199254740993', { id: '9007199254740993' }],
    ['{at:datetime}', '2026-01-01', { at: '2026-01-01' }],
  ])('%s takes %s', (template, pathname, expected) => {
    expect(match(template, pathname)).toEqual(expected);
  });

  test.each([
    ['a/{id}', 'a'],
    ['a/{id}', 'a/'],
    ['a/{id}', 'a/1/2'],
    ['a.b', 'axb'],
    ['a/{id:int}', 'a/x'],
    ['a/{id:int}', 'a/99999999999'],
    ['{id:guid}', '00000003'],
    ['{id:length(2)}', 'abc'],
    ['{id:range(1,5)}', '6'],
    ['{id:max(3)}', '4'],
    ['{id:maxlength(3)}', 'abcd'],
    ['{id:minlength(3)}', 'ab'],
    ['{id:alpha}', 'a1'],
    ['{id:double}', 'x'],
    ['{id:regex(^m.*$)}', 'xm'],
  ])('%s does not take %s', (template, pathname) => {
    expect(match(template, pathname)).toBeUndefined();
  });

  test.each(['{id:uuid}', '{}', '{:int}'])('%s cannot be read', (template) => {
    expect(() => parseRouteTemplate(template)).toThrow(/^Route /);
  });
});

async function read(content: string | undefined, env: NodeJS.ProcessEnv = {}): Promise<HostJson> {
  const directory = await mkdtemp(path.join(tmpdir(), 'functions-host-'));
  try {
    if (content !== undefined) await writeFile(path.join(directory, 'host.json'), content);
    return readHostJson(directory, env);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe('host.json', () => {
  test('has the defaults of the real host', async () => {
    expect(await read('{"version":"2.0"}')).toMatchObject({
      extensions: {
        http: { routePrefix: 'api' },
        serviceBus: { autoCompleteMessages: true, maxAutoLockRenewalDuration: 300_000 },
      },
      logging: { logLevel: { default: 'information' } },
    });
  });

  test('can be overridden by settings, whatever their case', async () => {
    const env = {
      AzureFunctionsJobHost__extensions__ServiceBus__maxConcurrentCalls: '3',
      azurefunctionsjobhost__extensions__serviceBus__AutoCompleteMessages: 'False',
      AzureFunctionsJobHost__extensions__serviceBus__maxAutoLockRenewalDuration: '1.02:03:04.5',
      AzureFunctionsJobHost__logging__logLevel__default: 'Warning',
    };
    const json = '{"version":"2.0","extensions":{"serviceBus":{"maxConcurrentCalls":16}}}';
    expect(await read(json, env)).toMatchObject({
      extensions: {
        serviceBus: {
          maxConcurrentCalls: 3,
          autoCompleteMessages: false,
          maxAutoLockRenewalDuration: (26 * 3600 + 3 * 60 + 4.5) * 1000,
        },
      },
      logging: { logLevel: { default: 'warning' } },
    });
  });

  test.each([
    ['is missing', undefined, /host\.json does not exist/],
    ['is no JSON', '{', /host\.json is not JSON/],
    ['has another version', '{"version":"1.0"}', /must be "2\.0"/],
    [
      'has a bad figure',
      '{"version":"2.0","extensions":{"serviceBus":{"maxConcurrentCalls":0}}}',
      /maxConcurrentCalls/,
    ],
    [
      'has a bad time span',
      '{"version":"2.0","extensions":{"serviceBus":{"maxAutoLockRenewalDuration":"5m"}}}',
      /00:05:00/,
    ],
  ])('that %s is an error with its name', async (_case, content, expected) => {
    await expect(read(content)).rejects.toThrow(expected);
  });

  test('of this repository sets what the design asks for', () => {
    expect(readHostJson('.', {})).toMatchObject({
      functionTimeout: '00:10:00',
      extensions: {
        http: { routePrefix: 'api' },
        serviceBus: { maxConcurrentCalls: 16, prefetchCount: 0, autoCompleteMessages: true },
      },
    });
  });
});
