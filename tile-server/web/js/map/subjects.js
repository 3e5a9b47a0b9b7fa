// Subjects (专题) under which the layer list files a dataset: by the style that draws it, else by its kind. One entry per subject, in the list's order.

export const SUBJECTS = [
  { name: 'project', styles: ['project', 'permit'] },
  { name: 'control', styles: ['sthx', 'yjjbnt', 'czkfbj', 'control-line', 'city-lines', 'heritage'] },
  { name: 'plan', styles: ['ghfq', 'landuse-2023', 'urban-plan', 'land-plan'] },
  { name: 'hazard', styles: ['hazard-zone', 'hazard-points', 'shelters'] },
  { name: 'present', styles: ['dltb', 'forest', 'houses', 'roads', 'poi'] },
  { name: 'admin', styles: ['admin'] },
  { name: 'otherFeatures', kinds: ['features'] },
  { name: 'threeD', kinds: ['mesh', 'point-cloud'] },
  { name: 'observations', kinds: ['observations'] },
  { name: 'results', results: true },
  { name: 'imagery', kinds: ['imagery'] },
  { name: 'elevationKind', kinds: ['elevation'] },
  { name: 'basemap', kinds: ['basemap'] },
];

/** Name of the subject of a dataset. */
export function subjectOf(dataset) {
  const style = dataset.properties?.style;
  if (dataset.properties?.result_of) return SUBJECTS.find(({ results }) => results).name;
  return (SUBJECTS.find(({ styles }) => styles?.includes(style)) || SUBJECTS.find(({ kinds }) => kinds?.includes(dataset.kind)) || SUBJECTS.at(-1)).name;
}
