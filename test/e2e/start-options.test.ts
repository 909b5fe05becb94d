import { describe, expect, test } from 'vitest';
import { parseEmulatorsOptions, parseStartOptions, UsageError } from '../../local/start/start-options.ts';

describe('the flags of npm start', () => {
  test('are all off when none is given', () => {
    expect(parseStartOptions([])).toEqual({
      once: false,
      func: false,
      verbose: false,
      help: false,
      emlFolder: undefined,
      jsonFile: undefined,
      settingsFile: undefined,
      generatedMails: undefined,
    });
  });

  test('are read by the names that the design promises', () => {
    const args = ['--once', '--eml', 'mails', '--json', 'out.json', '--settings-out', 'settings.json', '--func'];
    expect(parseStartOptions(args)).toMatchObject({
      once: true,
      func: true,
      emlFolder: 'mails',
      jsonFile: 'out.json',
      settingsFile: 'settings.json',
    });
  });

  test.each([
    ['an unknown flag', ['--onec']],
    ['a stray word', ['once']],
    ['a flag without its value', ['--json']],
    ['a number of mails that is none', ['--mails', 'many']],
    ['no mail at all', ['--mails', '0']],
    ['two sources of mail', ['--mails', '5', '--eml', 'mails']],
  ])('refuse %s and list what there is', (_what, args) => {
    const parse = (): unknown => parseStartOptions(args);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(/--once[^]*--eml[^]*--json[^]*--settings-out[^]*--func/);
  });
});

describe('the flags of npm run emulators', () => {
  test('mean fixed ports unless free ones are asked for', () => {
    expect(parseEmulatorsOptions([])).toMatchObject({ ports: 'fixed', settingsFile: undefined });
    expect(parseEmulatorsOptions(['--ports', '0', '--settings-out', 'f'])).toMatchObject({
      ports: 'free',
      settingsFile: 'f',
    });
  });

  test('refuse any other port, because only the fixed ones fit the sample settings', () => {
    expect(() => parseEmulatorsOptions(['--ports', '9000'])).toThrow(/--ports takes only 0/);
  });
});
