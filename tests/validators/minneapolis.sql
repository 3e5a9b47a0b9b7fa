-- What PostGIS makes of two layers as delivered, repaired by itself: sums of each, the ground of both, and every pair of
-- a zone and an overlay by their classes. One line of JSON. Tables delivered_a and delivered_b have a geometry g.
create table a as select coalesce(zone_code, '') as class, st_collectionextract(st_makevalid(g), 3) as g from delivered_a;
create table b as select coalesce(layer, '') as class, st_collectionextract(st_makevalid(g), 3) as g from delivered_b;
create index on a using gist (g);
create index on b using gist (g);
create table whole as select (select st_union(g) from a) as a, (select st_union(g) from b) as b;
create table both_cover as select (st_dump(st_intersection(a, b))).geom as g from whole;
create table pairs as
  select a.class as unit, b.class, st_area(st_intersection(a.g, b.g)) as m2 from a join b on st_intersects(a.g, b.g);
create table cells as
  select unit, class, sum(m2) as m2, count(*) filter (where m2 > 0) as pairs from pairs group by unit, class;
select json_build_object(
  'invalid', json_build_array(
    (select count(*) from delivered_a where not st_isvalid(g)), (select count(*) from delivered_b where not st_isvalid(g))),
  'sums', json_build_array((select sum(st_area(g)) from a), (select sum(st_area(g)) from b)),
  'covers', (select json_build_array(st_area(a), st_area(b)) from whole),
  'both', (
    select json_build_object('m2', sum(st_area(g)), 'pieces', json_agg(st_area(g) order by st_area(g)))
    from both_cover where st_dimension(g) = 2),
  'small_pairs', (select json_agg(m2 order by m2) from pairs where m2 > 0 and m2 < 0.01),
  'cells', (
    select json_object_agg(unit || '|' || class, json_build_object('m2', m2, 'pairs', pairs)) from cells where m2 > 0));
