/*
 * Reads a topic from its start with librdkafka alone and does nothing with the messages: the limit of every
 * client that is built on it. Arguments: BROKERS TOPIC PARTITIONS COUNT WINDOW. Prints a line of JSON.
 *
 * With COUNT above 0 it reads so many messages, and measures from the first batch, which is not counted, to
 * the last. With COUNT 0 it reads until WINDOW seconds have passed without a message, and tells how long after
 * its sending each probe was there: see probes.ts.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "rdkafka.h"

#define BATCH 10000
#define MOST_PROBES 1000000
#define PROBE "\"officer_id\":9007199254740991,\"subject_id\":"

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double processor_time(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void fail(const char *message) {
  fprintf(stderr, "read-topic: %s\n", message);
  exit(1);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
  char error[512];
  if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) fail(error);
}

static void read_backlog(rd_kafka_queue_t *queue, long count) {
  static rd_kafka_message_t *messages[BATCH];
  long taken = 0, first = 0;
  double started_at = 0, started_with = 0;
  while (taken < count) {
    ssize_t got = rd_kafka_consume_batch_queue(queue, 1000, messages, BATCH);
    for (ssize_t index = 0; index < got; index++) {
      if (messages[index]->err) fail(rd_kafka_message_errstr(messages[index]));
      rd_kafka_message_destroy(messages[index]);
    }
    if (got > 0) taken += got;
    if (first == 0 && taken > 0) {
      first = taken;
      started_at = now();
      started_with = processor_time();
    }
  }
  double took = now() - started_at;
  printf("{\"eventsPerSecond\":%f,\"processorTime\":%f}\n", (double)(taken - first) / took * 1e6,
         (processor_time() - started_with) / (double)(taken - first));
}

static void read_probes(rd_kafka_queue_t *queue, double window) {
  static double latencies[MOST_PROBES];
  long seen = 0;
  double last = 0;
  printf("{\"ready\":true}\n");
  fflush(stdout);
  while (last == 0 || now() - last < window * 1e6) {
    rd_kafka_message_t *message = rd_kafka_consume_queue(queue, 100);
    if (message == NULL) continue;
    last = now();
    if (message->err) fail(rd_kafka_message_errstr(message));
    const char *probe = memmem(message->payload, message->len, PROBE, strlen(PROBE));
    if (probe != NULL && seen < MOST_PROBES)
      latencies[seen++] = (last - strtod(probe + strlen(PROBE), NULL)) / 1000;
    rd_kafka_message_destroy(message);
  }
  printf("{\"latencies\":[");
  for (long index = 0; index < seen; index++) printf("%s%.3f", index ? "," : "", latencies[index]);
  printf("]}\n");
}

int main(int argc, char **argv) {
  char error[512];
  if (argc != 6) fail("BROKERS TOPIC PARTITIONS COUNT WINDOW");
  long count = atol(argv[4]);
  rd_kafka_conf_t *conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", argv[1]);
  set(conf, "group.id", "read-topic");
  set(conf, "enable.auto.commit", "false");
  if (count > 0) {
    /* As librdkafka's own rdkafka_performance has it. */
    set(conf, "queued.min.messages", "1000000");
    set(conf, "fetch.queue.backoff.ms", "10");
  }
  rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (consumer == NULL) fail(error);
  rd_kafka_topic_partition_list_t *partitions = rd_kafka_topic_partition_list_new(16);
  for (int partition = 0; partition < atoi(argv[3]); partition++)
    rd_kafka_topic_partition_list_add(partitions, argv[2], partition)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_poll_set_consumer(consumer);
  if (rd_kafka_assign(consumer, partitions)) fail("the partitions cannot be assigned");
  rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(consumer);
  if (count > 0)
    read_backlog(queue, count);
  else
    read_probes(queue, atof(argv[5]));
  fflush(stdout);
  /* Nothing is to be committed or left: closing takes time for nothing. */
  _Exit(0);
}
