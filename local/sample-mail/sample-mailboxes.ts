// The made-up company of the local environment: one tenant, four mailboxes. Fixed, so that `local.settings.sample.json` can name them.

/** A mailbox of the local Graph: its Entra object id, its address and the name people see. */
export type SampleMailbox = { id: string; address: string; displayName: string };

/** The tenant of the local environment. */
export const sampleTenantId = '5f2b1c6e-8a43-4d0b-9c57-1e6f0a9d3b24';

/** The app registration (managed identity) the local app runs as. */
export const sampleAppId = 'c3a9e7d1-0b52-4f68-a1d4-7e2c5b8f9036';

const sales: SampleMailbox = {
  id: '1b0f4c52-6d7e-4a39-8f21-90c3d5e7a601',
  address: 'sales@northwind.example',
  displayName: 'Northwind Sales',
};
const support: SampleMailbox = {
  id: '2c8e5d63-7e9f-4b4a-9a32-a1d4e6f8b702',
  address: 'support@northwind.example',
  displayName: 'Northwind Support',
};
const invoices: SampleMailbox = {
  id: '3d7f6e74-8fa0-4c5b-8b43-b2e5f709c803',
  address: 'invoices@northwind.example',
  displayName: 'Northwind Invoices',
};
const maria: SampleMailbox = {
  id: '4e6a7f85-90b1-4d6c-9c54-c3f6081ad904',
  address: 'maria.lindqvist@northwind.example',
  displayName: 'Maria Lindqvist',
};

/** The sample mailboxes by role; the sample mails are addressed to them. */
export const sampleMailboxByRole = { sales, support, invoices, maria };

/** The sample mailboxes in the order in which they are listed everywhere. */
export const sampleMailboxes: readonly SampleMailbox[] = [sales, support, invoices, maria];

/** What the managed identity endpoint expects in `X-IDENTITY-HEADER`; it guards a made-up tenant and nothing else. */
export const sampleIdentityHeader = 'local-identity-header';
