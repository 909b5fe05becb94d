// What the templates and scripts promise beyond rights and settings: where data lies, how it travels, what it may cost.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { SLICE_MS } from '../../shared/domain/lane.ts';

const at = (file: string) => new URL(`../../${file}`, import.meta.url);
const read = (file: string) => readFileSync(at(file), 'utf8');
const inFolder = (folder: string, ending: RegExp) =>
  readdirSync(at(folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`);

const bicep = inFolder('infra', /\.bicep$/).map((file) => ({ file, text: read(file) }));
const whole = bicep.map(({ text }) => text).join('\n');
const main = read('infra/main.bicep');
const functionApp = read('infra/modules/function-app.bicep');

const queueSchema = z.object({
  lockDuration: z.string(),
  defaultMessageTimeToLive: z.string(),
  duplicateDetectionHistoryTimeWindow: z.string().optional(),
  deadLetteringOnMessageExpiration: z.boolean(),
});
const queues = new Map(
  z
    .array(z.object({ name: z.string(), properties: queueSchema.loose() }))
    .parse(JSON.parse(read('infra/queues.json')))
    .map(({ name, properties }) => [name, properties]),
);
const host = z
  .looseObject({
    functionTimeout: z.string(),
    extensions: z.looseObject({ serviceBus: z.looseObject({ maxAutoLockRenewalDuration: z.string() }) }),
  })
  .parse(JSON.parse(read('host.json')));

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** `PT2M`, `P14D` or `00:05:00` in ms. */
function milliseconds(text: string | undefined): number {
  const [, hours, minutes] = /^(\d\d):(\d\d):00$/.exec(text ?? '') ?? [];
  if (hours) return (Number(hours) * 60 + Number(minutes)) * MINUTE;
  const [, amount, unit] = /^P(?:T(?=\d+M))?(\d+)([DM])$/.exec(text ?? '') ?? [];
  return Number(amount) * (unit === 'D' ? DAY : MINUTE);
}

describe('alerts', () => {
  const alerts = read('infra/modules/alerts.bicep');

  it('tell of dead letters, of a queue that nobody reads, and of notifications refused [F13, F53, F59, F61, F74, T32]', () => {
    const watched = [...alerts.matchAll(/^ +metric: '(\w+)'$/gm)].map(([, metric]) => metric);
    expect(watched).toEqual(['DeadletteredMessages', 'ActiveMessages', 'Http5xx']);
    expect(main).toMatch(/^module alerts 'modules\/alerts\.bicep' = \{$/m);
    expect(alerts).toMatch(/threshold: 0$/m);
    expect(alerts).toMatch(/dimensions: alert\.byQueue/);
  });
});

describe('the region', () => {
  it('is one for every resource: the parameter, handed on from the resource group [T30]', () => {
    const located = (text: string) => [...text.matchAll(/^ +location: (.+)$/gm)].map(([, value]) => value);
    // Alert rules exist once in a cloud and hold no data of ours.
    const isAlerts = (file: string) => file === 'infra/modules/alerts.bicep';
    const others = bicep.filter(({ file }) => !isAlerts(file)).flatMap(({ text }) => located(text));
    const ofAlerts = bicep.filter(({ file }) => isAlerts(file)).flatMap(({ text }) => located(text));
    expect(others.length).toBeGreaterThanOrEqual(8);
    expect(new Set(others)).toEqual(new Set(['location']));
    expect(new Set(ofAlerts)).toEqual(new Set(["'global'"]));
    expect(main).toMatch(/^param location string = resourceGroup\(\)\.location$/m);
    expect([...whole.matchAll(/^param location string = /gm)]).toHaveLength(1);
  });

  it('keeps its data: no copy to another tenant, none to another region unless asked for [T30]', () => {
    expect(whole).toMatch(/allowCrossTenantReplication: false/);
    expect(main).toMatch(/^param storageSku string = 'Standard_LRS'$/m);
    expect(whole).not.toMatch(/geoReplications|secondaryLocations|geoDataReplication/i);
  });
});

describe('the way in', () => {
  it('is https with TLS 1.2 and neither FTP nor remote debugging [T33]', () => {
    expect(functionApp).toMatch(/httpsOnly: true/);
    expect(functionApp).toMatch(/ftpsState: 'Disabled'/);
    expect(functionApp).toMatch(/ {2}name: 'ftp'\n {2}properties: \{ allow: false \}/);
    expect(functionApp).toMatch(/ {2}name: 'scm'\n {2}properties: \{ allow: false \}/);
    expect(whole).toMatch(/supportsHttpsTrafficOnly: true/);
    const versions = [...whole.matchAll(/(?:minTlsVersion|minimumTlsVersion|scmMinTlsVersion): '(.+)'/gi)];
    expect(versions.map(([, version]) => version?.replace('TLS1_', '1.'))).toEqual(['1.2', '1.2', '1.2', '1.2']);
    expect(whole).not.toMatch(/remoteDebuggingEnabled: true|http:\/\//);
  });

  it('is warm for Graph, which waits three seconds [F14]', () => {
    expect(main).toMatch(/^param httpAlwaysReady int = 1$/m);
    expect(functionApp).toMatch(
      /alwaysReady: httpAlwaysReady == 0 \? \[\] : \[\{ name: 'http', instanceCount: httpAlwaysReady \}\]/,
    );
  });

  it('has a ceiling of instances [T32]', () => {
    expect(main).toMatch(/@maxValue\(1000\)\nparam maximumInstanceCount int = 100$/m);
    expect(functionApp).toMatch(/^ +maximumInstanceCount: maximumInstanceCount$/m);
  });

  it('is open to no other origin of a browser [T22]', () => {
    expect(whole).not.toMatch(/\bcors\b/i);
    expect(read('host.json')).not.toMatch(/cors|access-control/i);
    for (const file of [...inFolder('shared', /\.ts$/), ...inFolder('functions', /\.ts$/)])
      expect(read(file), file).not.toMatch(/access-control-allow|set-cookie/i);
  });
});

describe('the queues', () => {
  it('lock a ring for twice as long as a slice of work, and the host keeps the lock while work goes on [F51]', () => {
    expect(milliseconds(queues.get('mailbox-work')?.lockDuration)).toBeGreaterThanOrEqual(2 * SLICE_MS);
    expect(milliseconds(host.extensions.serviceBus.maxAutoLockRenewalDuration)).toBeGreaterThanOrEqual(2 * SLICE_MS);
    expect(milliseconds(host.functionTimeout)).toBeGreaterThanOrEqual(2 * SLICE_MS);
  });

  it('remember repeats for longer than Graph sends them, which is four hours [F56]', () => {
    expect(milliseconds(queues.get('crm-mail')?.duplicateDetectionHistoryTimeWindow)).toBeGreaterThan(4 * 60 * MINUTE);
  });

  it('keep events for days and then among the dead letters, where nothing expires [F61]', () => {
    expect(milliseconds(queues.get('crm-mail')?.defaultMessageTimeToLive)).toBe(14 * DAY);
    expect(queues.get('crm-mail')?.deadLetteringOnMessageExpiration).toBe(true);
  });
});

it('links that open a blob to whoever has them are made nowhere [T26]', () => {
  const sources = [...inFolder('shared', /\.ts$/), ...inFolder('functions', /\.ts$/), ...inFolder('infra', /\.\w+$/)];
  expect(sources.length).toBeGreaterThan(50);
  for (const file of sources)
    expect(read(file), file).not.toMatch(
      /generate\w*Sas|SASQueryParameters|StorageSharedKey|UserDelegationKey|[?&]sig=/,
    );
});

describe('the permission to read mail', () => {
  const scripts = inFolder('infra/scripts', /\.(sh|ps1)$/).map((file) => ({ file, text: read(file) }));

  it('is for reading only, and all that is ever asked for [T23, F81]', () => {
    const asked = new Set(
      scripts.flatMap(({ text }) =>
        [...text.matchAll(/\b[A-Z][A-Za-z]+\.(?:Read|Write|ReadWrite|Send|Manage)[A-Za-z.]*\b/g)].map(([name]) => name),
      ),
    );
    expect([...asked].toSorted()).toEqual(['GroupMember.Read.All', 'Mail.Read', 'User.Read.All']);
  });

  it('can be one group’s mailboxes, which the script tries with one inside and one outside [T23]', () => {
    const scope = read('infra/scripts/scope-mailboxes.ps1');
    expect(scope).toMatch(/\$role = 'Application Mail\.Read'/);
    expect(scope).toMatch(/-Role \$role -RecipientGroupScope \$Group/);
    for (const mailbox of ['Inside', 'Outside'])
      expect(scope).toMatch(new RegExp(`\\[Parameter\\(Mandatory\\)\\] \\[string\\] \\$${mailbox}\\b`));
    expect(scope).toMatch(/if \(-not \(Test-InScope \$Inside\)\) \{ throw/);
    expect(scope).toMatch(/if \(Test-InScope \$Outside\) \{ throw/);
  });

  it('is not narrowed in Exchange while it stands for the whole tenant [T23]', () => {
    const grant = read('infra/scripts/grant-graph-permissions.sh');
    expect(grant).toMatch(/--without-mail\) with_mail=false/);
    expect(grant).toMatch(/standing="\$\(assignment_of "\$mail_read"\)"\n {2}if \[ -n "\$standing" \]; then/);
  });
});
