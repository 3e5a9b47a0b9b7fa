export const PROJECTS_PAGE = { name: 'projects', title: 'pageProjects', async open() { return null; } };
