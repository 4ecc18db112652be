#define _GNU_SOURCE /* cores of this process */
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

/* A loop lies on its caller's stack: nobody may touch it after its last body has been counted as done. */
typedef struct loop {
    void (*body)(void *data, int64_t i);
    void *data;
    int64_t count, begun, done;
    pthread_cond_t finished;
    struct loop *next;
} loop;

struct workers {
    pthread_mutex_t lock; /* of everything below, and of all loops */
    pthread_cond_t work;
    loop *first, **end; /* loops with bodies that nobody has begun */
    bool stopping;
    int threads, started; /* those of a loop; those that wait for loops */
    pid_t process;        /* whose threads they are: a fork has none of them */
    pthread_t thread[];
};

static void append(workers *w, loop *l) {
    l->next = NULL;
    *w->end = l;
    w->end = &l->next;
}

static void take_out(workers *w, loop *l) {
    loop **link = &w->first;
    while (*link != l) link = &(*link)->next;
    *link = l->next;
    if (!l->next) w->end = link;
}

/* Runs one body of a loop in the list, which goes behind the others: they all advance. The lock is held before and
 * after. */
static void run_one(workers *w, loop *l) {
    const int64_t i = l->begun++;
    take_out(w, l);
    if (l->begun < l->count) append(w, l);
    pthread_mutex_unlock(&w->lock);
    l->body(l->data, i);
    pthread_mutex_lock(&w->lock);
    if (++l->done == l->count) pthread_cond_signal(&l->finished);
}

static void *wait_for_loops(void *data) {
    workers *w = data;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping)
        if (w->first) run_one(w, w->first);
        else pthread_cond_wait(&w->work, &w->lock);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static bool forked(const workers *w) { return getpid() != w->process; }

static int cores(void) {
    cpu_set_t set;
    /* A set is too small for machines of more than 1,024 cores. */
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT16_MAX ? (int)online : 1;
}

/* They leave signals to the threads that the program itself has. */
static bool start_thread(workers *w) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const bool started = pthread_create(&w->thread[w->started], NULL, wait_for_loops, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w->started += started;
    return started;
}

workers *workers_start(int threads) {
    if (threads <= 0) threads = cores();
    workers *w = calloc(1, sizeof *w + (size_t)threads * sizeof w->thread[0]);
    if (!w) return NULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    w->end = &w->first;
    w->threads = threads;
    w->process = getpid();
    while (w->started < threads - 1)
        if (!start_thread(w)) {
            workers_stop(w);
            return NULL;
        }
    return w;
}

void workers_stop(workers *w) {
    if (w && !forked(w)) {
        pthread_mutex_lock(&w->lock);
        w->stopping = true;
        pthread_cond_broadcast(&w->work);
        pthread_mutex_unlock(&w->lock);
        for (int i = 0; i < w->started; i++) pthread_join(w->thread[i], NULL);
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->lock);
    }
    free(w);
}

int workers_threads(const workers *w) { return w->threads; }

void workers_loop(workers *w, void (*body)(void *data, int64_t i), void *data, int64_t count) {
    if (count <= 1 || w->threads == 1 || forked(w)) {
        for (int64_t i = 0; i < count; i++) body(data, i);
        return;
    }
    loop l = {.body = body, .data = data, .count = count};
    pthread_cond_init(&l.finished, NULL);
    pthread_mutex_lock(&w->lock);
    append(w, &l);
    for (int64_t i = 1; i < count && i < w->threads; i++) pthread_cond_signal(&w->work);
    while (l.begun < l.count) run_one(w, &l);
    while (l.done < l.count) pthread_cond_wait(&l.finished, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&l.finished);
}
