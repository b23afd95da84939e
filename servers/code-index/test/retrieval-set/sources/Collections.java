package app;

import java.util.*;
import java.util.concurrent.*;

public class Collections {
  /** Least recently used entries leave first. */
  public static class LruCache<K, V> extends LinkedHashMap<K, V> {
    private final int capacity;

    public LruCache(int capacity) {
      super(16, 0.75f, true);
      this.capacity = capacity;
    }

    @Override
    protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
      return size() > capacity;
    }
  }

  public static <T extends Comparable<T>> int binarySearch(List<T> sorted, T wanted) {
    int low = 0, high = sorted.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order = sorted.get(middle).compareTo(wanted);
      if (order < 0) low = middle + 1;
      else if (order > 0) high = middle - 1;
      else return middle;
    }
    return -1;
  }

  public static <T> List<List<T>> partition(List<T> items, int size) {
    List<List<T>> parts = new ArrayList<>();
    for (int from = 0; from < items.size(); from += size)
      parts.add(items.subList(from, Math.min(from + size, items.size())));
    return parts;
  }

  public static List<String> topologicalOrder(Map<String, List<String>> dependencies) {
    Set<String> done = new LinkedHashSet<>();
    for (String each : dependencies.keySet()) visit(each, dependencies, done, new HashSet<>());
    return new ArrayList<>(done);
  }

  private static void visit(String node, Map<String, List<String>> graph, Set<String> done, Set<String> path) {
    if (done.contains(node)) return;
    if (!path.add(node)) throw new IllegalStateException("cycle at " + node);
    for (String next : graph.getOrDefault(node, List.of())) visit(next, graph, done, path);
    done.add(node);
  }

  public static Map<String, Integer> shortestPaths(Map<String, Map<String, Integer>> graph, String source) {
    Map<String, Integer> distance = new HashMap<>(Map.of(source, 0));
    PriorityQueue<String> queue = new PriorityQueue<>(Comparator.comparing(distance::get));
    queue.add(source);
    while (!queue.isEmpty()) {
      String at = queue.poll();
      graph.getOrDefault(at, Map.of()).forEach((next, cost) -> {
        int total = distance.get(at) + cost;
        if (total < distance.getOrDefault(next, Integer.MAX_VALUE)) {
          distance.put(next, total);
          queue.add(next);
        }
      });
    }
    return distance;
  }
}
