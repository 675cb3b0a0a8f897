// The page of runs in a real browser, on the built program: a private database,
// the sandbox shop, and the edge that signs staff in.
import { readFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { start } from './program.mjs';

const axe = readFileSync(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const shots = process.env.SHOTS; // a folder for pictures, for people to look at

test.describe.configure({ mode: 'serial' }); // the stories are of one program

let program;
test.beforeAll(async () => { program = await start(12_000); });
test.afterAll(async () => { await program?.stop(); });

// A page by itself, signed in; whatever it logs as an error fails the story.
test.beforeEach(async ({ page }) => {
  const faults = [];
  page.faults = faults;
  await page.goto(program.url + '/');
  page.on('console', (m) => m.type() === 'error' && !/40[49]/.test(m.text()) && !m.location().url.endsWith('/favicon.ico') && faults.push(m.text()));
  page.on('pageerror', (e) => faults.push(String(e)));
  await page.getByRole('button', { name: 'ops@' }).click();
  await expect(page.getByRole('heading', { name: 'Runs' })).toBeVisible();
});
test.afterEach(({ page }) => { expect(page.faults).toEqual([]); });

async function picture(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png`, fullPage: true });
}

// accessible runs axe as the page is, in light and in dark. axe runs where the
// page's own policy doesn't reach.
async function accessible(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `${name}-${colorScheme}`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    expect(violations.map((v) => `${name}, ${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`)).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

const first = (page) => page.getByRole('row').nth(1); // below the heads of columns

test('the first sync is watched until it has completed', async ({ page }) => {
  await expect(first(page)).toContainText('bulksync');
  await expect(page.getByRole('progressbar').first()).toBeVisible();
  await accessible(page, 'live');
  await expect(first(page)).toContainText('completed', { timeout: 45_000 });
  await expect(first(page).getByRole('progressbar')).toHaveCount(0);
  await page.reload();
  await expect(page.locator('#shop')).toContainText('times in');
});

test('a sync is started, and its page shows steps, counts and proof', async ({ page }) => {
  await page.getByRole('button', { name: 'Sync now' }).click();
  await expect(page.getByRole('status')).toContainText('under way');
  await expect(first(page)).toContainText('completed');
  await accessible(page, 'list');
  await first(page).getByRole('link').click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}$/);
  await expect(page.getByRole('heading', { name: 'Proof' })).toBeVisible();
  await expect(page.getByText('It holds.').first()).toBeVisible();
  await expect(page.getByRole('region', { name: /steps; times/ }).getByRole('row', { name: /^prove/ })).toBeVisible();
  await accessible(page, 'run');
});

test('what the actions of a template came to is told', async ({ page }) => {
  const run = await page.evaluate(async () => {
    const ask = async (method, path, body) => {
      const answer = await fetch(path, { method, headers: { 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) });
      return (await answer.json()).data;
    };
    const products = (await ask('GET', '/api/performance-metrics?limit=2')).map(({ productId }) => ({ productId }));
    const { templateId } = await ask('POST', '/api/combo-templates', {
      name: 'Two', type: 'SP', audience: 'ALL', productLines: ['NOLINE'], productCount: 2,
      actionSpecs: [{ action: 'create_report' }, { action: 'tag_products', params: { tag: 'tested' } }, { action: 'note', params: { text: 'planned' } }],
    });
    return (await ask('POST', '/api/combo-logs', { templateId, products, startedOn: '2026-03-01' })).runId;
  });
  await page.goto(`${program.url}/runs/${run}`);
  const actions = page.getByRole('region', { name: 'actions' });
  await expect(actions.getByRole('row', { name: /tag_products .* done/ })).toBeVisible();
  await expect(actions.getByRole('row', { name: /note .* done/ })).toBeVisible();
});

test('a full sync is confirmed, cancelled by keyboard and resumed', async ({ page }) => {
  const everything = page.getByRole('button', { name: 'Sync everything …' });
  await everything.click();
  await accessible(page, 'confirm');
  await page.keyboard.press('Escape');
  await everything.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Sync everything' }).click();
  const cancel = first(page).getByRole('button', { name: 'Cancel' });
  await cancel.focus();
  await page.keyboard.press('Enter');
  await expect(first(page)).toContainText('cancelled');
  await first(page).getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('status')).toContainText('goes on');
  await page.getByRole('button', { name: 'Sync now' }).click();
  await expect(page.getByRole('alert').getByRole('link').first()).toHaveAttribute('href', /\/runs\//); // a second start is told the first
  await accessible(page, 'conflict');
  await expect(first(page)).toContainText('completed', { timeout: 45_000 });
});

test('filters are in the address, and a link with them opens as it was', async ({ page }) => {
  await page.getByLabel('State').selectOption('failed');
  await expect(page).toHaveURL(/\?status=failed$/);
  await expect(page.getByText('No run is like that.')).toBeVisible();
  await page.goto(program.url + '/?trigger=manual');
  await expect(page.getByLabel('Started by')).toHaveValue('manual');
  await expect(page.getByRole('row')).toHaveCount(4); // heads, and three that were started here
  await page.goBack();
  await expect(page.getByText('No run is like that.')).toBeVisible();
  await page.goto(program.url + '/?from=2020-01-01&to=2020-01-02');
  await expect(page.getByText('No run is like that.')).toBeVisible();
});

test('a narrow screen shows all without scrolling sideways', async ({ page }) => {
  await page.setViewportSize({ width: 400, height: 800 });
  for (const open of [async () => {}, async () => { await first(page).getByRole('link').click(); await expect(page.getByRole('heading', { name: 'Steps' })).toBeVisible(); }]) {
    await open();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await accessible(page, 'narrow-' + (page.url().includes('/runs/') ? 'run' : 'list'));
  }
});

test('what is not there is said', async ({ page }) => {
  await page.goto(program.url + '/runs/0198c0de-0000-7000-8000-000000000001');
  await expect(page.getByRole('alert')).toContainText('Request');
  await accessible(page, 'missing');
  expect((await page.goto(program.url + '/nothing')).status()).toBe(404);
  await expect(page.getByRole('heading')).toContainText('nothing');
  await accessible(page, 'lost');
});
