export const SYSTEM_PAGE = { name: 'system', title: 'pageSystem', async open() { return null; } };
