import { defineConfig } from '@playwright/test';

export default defineConfig({
  testMatch: '*.spec.mjs',
  timeout: 60_000,
  expect: { timeout: 20_000 },
  outputDir: 'results',
  reporter: [['list']],
  workers: 1, // one program, whose runs the stories share
  use: {
    trace: 'retain-on-failure',
    launchOptions: { executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] },
  },
});
