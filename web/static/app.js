// The page of runs, at /, and that of one run, at /runs/{id}. All that it shows
// comes from the API; all that is chosen is in the address.

const states = {
  queued: ['queued', 'dim'], running: ['running', ''], waiting: ['waiting', 'warn'], lost: ['lost', 'bad'],
  completed: ['completed', 'good'], completed_with_rejects: ['completed, with rejects', 'warn'],
  completed_with_gap: ['completed, with a gap', 'warn'], incomplete: ['incomplete', 'bad'],
  failed: ['failed', 'bad'], cancelled: ['cancelled', 'dim'],
};
const live = new Set(['queued', 'running', 'waiting', 'lost']);
const again = new Set(['failed', 'cancelled', 'lost']); // can go on where they were
const maxStreams = 2; // a browser may have but six connections to a site, for all tabs
const pollEvery = 5000;
const runs = '/api/ingest/runs';

let zone = 'UTC';
const $ = (id) => document.getElementById(id);

// h makes an element; functions among its properties are listeners.
function h(tag, props, ...children) {
  const e = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (typeof value === 'function') e.addEventListener(name, value);
    else if (value === true) e.setAttribute(name, '');
    else if (value != null && value !== false) e.setAttribute(name, value);
  }
  e.append(...children.flat(Infinity).filter((c) => c != null && c !== ''));
  return e;
}

// --- the API

async function call(method, path, body) {
  const init = { method, headers: {} };
  if (method === 'POST') {
    init.headers = { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() };
    init.body = JSON.stringify(body ?? {});
  }
  let answer;
  try {
    answer = await fetch(path, init);
  } catch {
    throw { detail: 'The program can’t be reached.', remedy: 'See that you are online; this page tries again by itself.' };
  }
  const json = await answer.json().catch(() => null);
  if (answer.ok) return json;
  throw json ?? { detail: `The answer is ${answer.status}.`, remedy: answer.status === 401 ? 'Load the page again to sign in.' : 'Try again in a minute.' };
}

// sentence begins with a capital, ends with a full stop, and links runs by their ids.
function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
  return whole.split(/([0-9a-f]{8}-[0-9a-f-]{27})/).map((part, i) => (i % 2 ? h('a', { href: '/runs/' + part }, part) : part));
}

function trouble(problem) {
  return h('div', { class: 'box bad', role: 'alert' },
    h('strong', null, ...sentence(problem.detail ?? String(problem))),
    problem.errors?.length ? h('ul', null, problem.errors.map((e) => h('li', null, `${e.location}: ${e.message}`))) : null,
    problem.remedy ? h('p', null, ...sentence(problem.remedy)) : null,
    problem.requestId ? h('p', { class: 'dim' }, 'Request ', problem.requestId) : null);
}

// say shows what came of something, until the next thing.
function say(what) {
  $('messages').replaceChildren(what instanceof Node ? what : h('p', null, what));
}

// attempt has a button do something, once at a time.
async function attempt(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (problem) {
    say(trouble(problem));
  }
  button.disabled = false;
}

function confirmed(title, text, yes) {
  const dialog = $('confirm');
  $('confirm-title').textContent = title;
  $('confirm-text').textContent = text;
  $('confirm-yes').textContent = yes;
  dialog.returnValue = '';
  dialog.showModal();
  $('confirm-no').onclick = () => dialog.close();
  $('confirm-yes').onclick = () => dialog.close('yes');
  return new Promise((done) => dialog.addEventListener('close', () => done(dialog.returnValue === 'yes'), { once: true }));
}

// --- how things are written

const number = (n) => new Intl.NumberFormat('en').format(n);

function time(instant) {
  if (!instant) return '';
  const text = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone, year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
  }).format(new Date(instant));
  return h('time', { datetime: instant }, text);
}

function span(seconds) {
  const s = Math.round(seconds);
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
}

function took(from, to) {
  return from ? span(((to ? new Date(to) : new Date()) - new Date(from)) / 1000) : '';
}

function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let i = 0;
  for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
  return `${n.toFixed(i && n < 10 ? 1 : 0)} ${units[i]}`;
}

function amount(n, unit) {
  return unit === 'bytes' ? bytes(n) : number(n);
}

function state(status) {
  const [text, color] = states[status] ?? [status, ''];
  return h('span', { class: 'state ' + color }, text);
}

function progress(run) {
  if (!live.has(run.status)) return run.errorText ? h('span', { class: 'text' }, ...sentence(run.errorText)) : '';
  const parts = [run.step || 'about to begin'];
  if (run.done || run.total) parts.push(amount(run.done, run.unit) + (run.total ? ' of ' + amount(run.total, run.unit) : '') + (run.unit && run.unit !== 'bytes' ? ' ' + run.unit : ''));
  if (run.rate) parts.push(amount(run.rate, run.unit) + '/s');
  if (run.etaSeconds) parts.push(span(run.etaSeconds) + ' left');
  return h('div', null, parts.join(' · '),
    h('progress', { 'aria-label': `Progress of step ${run.step || 'first'}`, max: run.total || 1, value: run.total ? Math.min(run.done, run.total) : null }));
}

// startOfDay returns the instant at which a day of the shop begins.
function startOfDay(day) {
  const guess = Date.parse(day + 'T00:00:00Z');
  const offset = (at) => {
    const p = Object.fromEntries(new Intl.DateTimeFormat('en', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' })
      .formatToParts(new Date(at)).map((x) => [x.type, x.value]));
    return Date.UTC(p.year, p.month - 1, p.day, p.hour, p.minute, p.second) - at;
  };
  return new Date(guess - offset(guess - offset(guess))).toISOString().replace('.000', '');
}

function dayAfter(day) {
  return new Date(Date.parse(day + 'T00:00:00Z') + 86400000).toISOString().slice(0, 10);
}

// table makes one whose cells know their column, for narrow screens.
function table(caption, columns, rows) {
  return h('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': caption }, h('table', null, h('caption', null, caption),
    h('thead', null, h('tr', null, columns.map((c) => h('th', { scope: 'col' }, c)))),
    h('tbody', null, rows.map((cells) => h('tr', null, cells.map((c, i) => cell(columns[i], c)))))));
}

function cell(label, content) {
  return h('td', { 'data-label': label, class: typeof content === 'number' ? 'number' : null }, typeof content === 'number' ? number(content) : content);
}

// --- watching

const streams = new Map();

// watch is told of a run by the server; whoever is not watched is polled.
function watch(id, onProgress, onEnd) {
  if (streams.has(id) || streams.size >= maxStreams) return;
  const source = new EventSource(`${runs}/${id}/events`);
  streams.set(id, source);
  const stop = () => { source.close(); streams.delete(id); };
  source.addEventListener('progress', (e) => onProgress(JSON.parse(e.data)));
  source.addEventListener('ended', () => { stop(); onEnd(); });
  source.addEventListener('error', () => { if (source.readyState === EventSource.CLOSED) stop(); });
}

addEventListener('pagehide', () => { for (const s of streams.values()) s.close(); streams.clear(); });

// --- what can be done to a run

function buttons(run, changed) {
  const one = (label, verb, done) => h('button', {
    type: 'button', 'aria-label': `${label} run ${run.runId}`,
    click: (e) => attempt(e.target, async () => {
      const answer = await call('POST', `${runs}/${run.runId}/${verb}`);
      const id = answer.data.runId;
      say(h('p', null, done, ' ', h('a', { href: '/runs/' + id }, 'Look at the run'), '.'));
      await changed(id);
    }),
  }, label);
  const list = [];
  if (live.has(run.status)) list.push(one('Cancel', 'cancel', 'It is cancelled; its finished steps stay.'));
  if (again.has(run.status)) list.push(one('Resume', 'resume', 'It goes on where it was.'));
  if (run.scenario === 'bulksync' && !live.has(run.status)) list.push(one('Restart', 'restart', 'A new run does it anew.'));
  return h('div', { class: 'buttons' }, list);
}

async function start(button, mode, changed) {
  if (mode === 'full' && !await confirmed('Sync everything?', 'A full sync reads all orders and products of the shop again. That can take hours. Nothing is lost by it.', 'Sync everything')) return;
  await attempt(button, async () => {
    const { data } = await call('POST', '/api/performance-metrics/sync', { mode });
    say(h('p', null, 'The sync is under way. ', h('a', { href: '/runs/' + data.runId }, 'Look at the run'), '.'));
    await changed(data.runId);
  });
}

// --- the page of runs

const filters = ['scenario', 'status', 'trigger', 'from', 'to'];

function query() {
  const chosen = new URLSearchParams(location.search), q = new URLSearchParams();
  for (const name of filters) {
    const value = chosen.get(name);
    if (value) q.set(name, name === 'from' ? startOfDay(value) : name === 'to' ? startOfDay(dayAfter(value)) : value);
  }
  return q;
}

function filterForm(changed) {
  const chosen = new URLSearchParams(location.search);
  const choose = (name, label, values) => h('label', null, label, h('select', { name, change: changed },
    h('option', { value: '' }, 'any'), values.map(([v, text]) => h('option', { value: v, selected: chosen.get(name) === v }, text))));
  const day = (name, label) => h('label', null, label, h('input', { type: 'date', name, value: chosen.get(name), change: changed }));
  return h('form', { class: 'filters', 'aria-label': 'Which runs', submit: (e) => e.preventDefault() },
    h('label', null, 'Scenario', h('input', { name: 'scenario', value: chosen.get('scenario'), change: changed, placeholder: 'any', size: '12' })),
    choose('status', 'State', Object.entries(states).map(([v, [text]]) => [v, text])),
    choose('trigger', 'Started by', [['cron', 'schedule'], ['manual', 'hand'], ['cli', 'command']]),
    day('from', `From (${zone})`), day('to', 'To, inclusive'),
    chosen.size ? h('button', { type: 'button', click: () => { history.pushState(null, '', '/'); listPage(); } }, 'Clear') : null);
}

const columns = ['Created', 'Scenario', 'Started by', 'State', 'Progress', 'Took', 'What to do'];

// rowOf shows a run, and changes only what has changed, so that whoever is on a
// button stays there.
function rowOf(run, changed) {
  const tr = h('tr', null, columns.map((c) => cell(c, '')));
  const row = { tr, run, shown: '' };
  row.update = (news) => {
    row.run = { ...row.run, ...news };
    const r = row.run, [created, scenario, by, status, doing, spent, actions] = tr.cells;
    if (!created.hasChildNodes()) {
      created.append(h('a', { href: '/runs/' + r.runId }, time(r.createdAt)));
      scenario.textContent = r.scenario;
      by.textContent = r.requestedBy || r.trigger;
    }
    doing.replaceChildren(progress(r));
    spent.textContent = took(r.startedAt, r.finishedAt ?? (live.has(r.status) ? null : r.startedAt));
    if (row.shown !== r.status) {
      status.replaceChildren(state(r.status));
      actions.replaceChildren(buttons(r, changed));
      row.shown = r.status;
    }
  };
  row.update({});
  return row;
}

let turn = 0; // of the list that is shown; what belongs to an earlier one is dropped

async function listPage() {
  const mine = ++turn, rows = new Map();
  const body = h('tbody', null), empty = h('p', { class: 'dim' }), more = h('button', { type: 'button', hidden: true }, 'More');
  let cursor = null;

  function put(run, before) {
    const known = rows.get(run.runId);
    if (known) known.update(run);
    else {
      const row = rowOf(run, refresh);
      rows.set(run.runId, row);
      body.insertBefore(row.tr, before);
    }
    if (live.has(run.status)) {
      watch(run.runId, (news) => rows.get(run.runId)?.update(news) ?? head(), async () => put((await call('GET', `${runs}/${run.runId}`)).data, null));
    }
  }

  function head() {
    const now = [...rows.values()].find((r) => live.has(r.run.status) && r.run.total)?.run;
    document.title = (now ? `${Math.floor(100 * now.done / now.total)} % ${now.step} · ` : '') + 'Runs · macrodata';
    empty.textContent = rows.size ? '' : location.search ? 'No run is like that. Clear the filters to see all.' : 'There is no run yet. Start a sync.';
  }

  async function page(after) {
    const q = query();
    if (after) q.set('cursor', after);
    return call('GET', runs + (q.size ? '?' + q : ''));
  }

  async function refresh() {
    const { data, pagination } = await page();
    if (mine !== turn) return;
    const first = body.firstChild;
    for (const run of data) put(run, first);
    if (!first) { cursor = pagination.nextCursor; more.hidden = !cursor; }
    head();
  }

  more.addEventListener('click', () => attempt(more, async () => {
    const { data, pagination } = await page(cursor);
    for (const run of data) put(run, null);
    cursor = pagination.nextCursor;
    more.hidden = !cursor;
  }));

  const changed = () => {
    const q = new URLSearchParams([...new FormData($('page').querySelector('form'))].filter(([, v]) => v));
    history.pushState(null, '', q.size ? '/?' + q : '/');
    listPage();
  };
  const health = h('section', { 'aria-label': 'Health' });
  const csv = query();
  const focused = document.activeElement?.name;
  $('page').replaceChildren(health,
    h('h1', null, 'Runs'),
    h('div', { class: 'buttons' },
      h('button', { type: 'button', class: 'main', click: (e) => start(e.target, 'incremental', refresh) }, 'Sync now'),
      h('button', { type: 'button', click: (e) => start(e.target, 'full', refresh) }, 'Sync everything …')),
    filterForm(changed),
    h('div', { class: 'wide' }, h('table', null, h('caption', null, `Newest first; times in ${zone}`),
      h('thead', null, h('tr', null, columns.map((c) => h('th', { scope: 'col' }, c)))), body)),
    empty, h('p', { class: 'buttons' }, more, h('a', { href: `${runs}.csv` + (csv.size ? '?' + csv : '') }, 'All of these as CSV')));
  if (focused) $('page').querySelector(`[name="${focused}"]`)?.focus();

  poll(mine, async (tick) => {
    if (zone === 'UTC' && tick && await identify()) return listPage();
    if (tick % 6 === 0) health.replaceChildren(...await healthParts());
    const unwatched = [...rows.values()].some((r) => live.has(r.run.status) && !streams.has(r.run.runId));
    if (tick % 2 === 0 || unwatched) await refresh();
    for (const r of rows.values()) if (live.has(r.run.status)) r.update({});
    head();
  });
}

// poll does something at once and each five seconds, while its page is shown
// and seen.
async function poll(mine, action) {
  let failed = false;
  for (let tick = 0; mine === turn; tick++) {
    try {
      if (!document.hidden || tick === 0) await action(tick);
      if (failed) say('');
      failed = false;
    } catch (problem) {
      failed = true;
      say(trouble(problem));
    }
    await new Promise((next) => setTimeout(next, pollEvery));
  }
}

async function healthParts() {
  const { data } = await call('GET', '/api/health');
  const color = { ok: 'good', degraded: 'warn', failed: 'bad' };
  const wrong = data.parts.filter((p) => p.state !== 'ok');
  if (!wrong.length) return [h('p', null, h('span', { class: 'state good' }, 'All is well'), ': ', data.parts.map((p) => p.part).join(', '), '.')];
  return wrong.map((p) => h('div', { class: 'box ' + color[p.state] },
    h('strong', null, `${p.part}: ${p.state}`), h('p', null, p.detail, p.since ? [' Since ', time(p.since), '.'] : ''),
    p.remedy ? h('p', null, ...sentence(p.remedy)) : null));
}

// --- the page of a run

async function runPage(id) {
  const mine = ++turn;
  const title = h('h1', null, 'Run'), top = h('div'), rest = h('div');
  let run = null, shown = '', read = 0;
  $('page').replaceChildren(h('p', null, h('a', { href: '/' }, 'All runs')), title, top, rest);

  function showTop() {
    document.title = `${run.total && live.has(run.status) ? Math.floor(100 * run.done / run.total) + ' % ' : ''}${run.scenario} ${states[run.status]?.[0]} · macrodata`;
    title.replaceChildren(run.scenario, ' · ', state(run.status));
    top.replaceChildren(live.has(run.status) ? progress(run) : '',
      run.errorText ? h('div', { class: 'box bad' }, h('strong', null, ...sentence(run.errorText)), run.remedy ? h('p', null, ...sentence(run.remedy)) : null) : '');
  }

  async function refresh() {
    run = { ...(await call('GET', `${runs}/${id}`)).data };
    if (mine !== turn) return;
    read = Date.now();
    showTop();
    const text = JSON.stringify([run.status, run.steps, run.proof]);
    if (text !== shown) rest.replaceChildren(...runParts(run, refresh));
    shown = text;
    if (live.has(run.status)) {
      watch(id, (news) => {
        const next = news.step !== run.step || news.status !== run.status;
        run = { ...run, ...news };
        showTop();
        if (next && Date.now() - read > 1000) refresh().catch(() => {}); // the next look comes soon
      }, refresh);
    }
  }

  poll(mine, async () => {
    if (!run || live.has(run.status)) await refresh();
  });
}

function runParts(run, refresh) {
  const facts = [
    ['Run', run.runId], ['Started by', `${run.requestedBy} (${run.trigger})`], ['Created', time(run.createdAt)], ['Started', time(run.startedAt)],
    ['Finished', time(run.finishedAt)], ['Took', run.startedAt && run.finishedAt ? took(run.startedAt, run.finishedAt) : ''],
    ['Window', run.until ? h('span', null, run.since ? time(run.since) : 'the beginning', ' to ', time(run.until)) : ''], ['Archived', run.bytes ? bytes(run.bytes) : ''],
    ['Restart of', run.restartOf ? h('a', { href: '/runs/' + run.restartOf }, run.restartOf) : ''],
  ].filter(([, value]) => value);
  const parts = [buttons(run, async (id) => { if (id === run.runId) await refresh(); else location.assign('/runs/' + id); }),
    h('dl', null, facts.map(([name, value]) => [h('dt', null, name), h('dd', null, value)])), ...countsOf(run)];
  if (run.proof) {
    parts.push(h('h2', null, 'Proof'), table(run.proof.holds ? 'It holds.' : 'It does not hold.', ['Stream', 'Check', 'Expected', 'Found', 'Result', 'What'],
      [...run.proof.checks].sort((a, b) => a.ok - b.ok).map((c) => [c.stream, c.name, c.want, c.got, h('span', { class: 'state ' + (c.ok ? 'good' : 'bad') }, c.ok ? 'equal' : 'differs'), c.detail ?? ''])));
  }
  if (run.rejected?.total) {
    parts.push(h('h2', null, 'Rejected records'), table(`${number(run.rejected.total)} in all; the first ${run.rejected.records.length} are shown.`,
      ['File', 'Line', 'Record', 'Reason', 'Its beginning', 'Settled by'],
      run.rejected.records.map((r) => [r.source, r.line, `${r.subjectType} ${r.subjectId ?? ''}`, r.reason, h('pre', null, r.record),
        r.resolvedRunId ? h('a', { href: '/runs/' + r.resolvedRunId }, 'a later run') : 'open'])));
  }
  if (run.steps?.length) {
    parts.push(h('h2', null, 'Steps'), table(`${run.steps.length} steps; times in ${zone}`, ['Step', 'State', 'Attempts', 'Started', 'Took', 'What happened'],
      run.steps.map((s) => [s.step, h('span', { class: 'state ' + { completed: 'good', failed: 'bad' }[s.status] }, s.status), s.attempts, time(s.startedAt),
        s.finishedAt ? took(s.startedAt, s.finishedAt) : s.waitSeconds ? `waits ${span(s.waitSeconds)}` : '',
        s.errorText ? h('span', { class: 'text' }, ...sentence(s.errorText), ' ', ...(s.remedy ? sentence(s.remedy) : [])) : ''])));
  }
  parts.push(h('p', null, h('a', { href: `/api/ingest/telemetry.csv?runId=${run.runId}` }, 'Events as CSV')));
  return parts;
}

// countsOf shows what a run counted: tables of what it has by stream and of what it lists, and the rest
// beside them.
function countsOf(run) {
  const counts = Object.entries(run.counts ?? {});
  const byStream = counts.filter(([, v]) => v && typeof v === 'object' && !Array.isArray(v));
  const lists = counts.filter(([, v]) => Array.isArray(v) && v.length && v.every((one) => one && typeof one === 'object'));
  const plain = counts.filter(([, v]) => v != null && (typeof v !== 'object' || Array.isArray(v)) && !lists.some(([, l]) => l === v));
  if (!counts.length) return [];
  const names = [...new Set(byStream.flatMap(([, v]) => Object.keys(v)))];
  const text = (v) => (typeof v === 'number' ? v : v === true ? 'yes' : v === false ? 'no' : v == null ? '' : typeof v === 'object' ? JSON.stringify(v) : String(v));
  return [h('h2', null, 'Counts'),
    plain.length ? h('dl', null, plain.map(([k, v]) => [h('dt', null, k), h('dd', null, typeof v === 'number' ? number(v) : Array.isArray(v) ? v.join(', ') : String(v))])) : '',
    byStream.length ? table('By stream', ['Count', ...byStream.map(([k]) => k)], names.map((n) => [n, ...byStream.map(([, v]) => text(v[n]))])) : '',
    ...lists.map(([k, list]) => table(k, Object.keys(list[0]), list.map((one) => Object.keys(list[0]).map((name) => text(one[name])))))];
}

// --- the beginning

// identify shows who is signed in, and learns the shop's time zone; there is none
// before the first sync.
async function identify() {
  const { data } = await call('GET', '/api/me');
  $('who').textContent = data.name;
  $('shop').textContent = data.shop ? `${data.shop.name} · ${data.shop.domain} · times in ${data.shop.timeZone}` : 'No sync has told which shop this is yet.';
  if (!data.shop || data.shop.timeZone === zone) return false;
  zone = data.shop.timeZone;
  return true;
}

async function show() {
  const run = /^\/runs\/([^/]+)$/.exec(location.pathname);
  if (run) await runPage(run[1]);
  else await listPage();
}

addEventListener('popstate', show);
try {
  await identify();
} catch (problem) {
  say(trouble(problem));
}
await show();
