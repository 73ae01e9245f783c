import Glibc

/// What the owner of a `PosixEngine` and its threads share: requests one way, completions the other, each at
/// most as many as the engine's queue depth.
final class TransferQueue: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// There is a request, or the queue is closed.
    private let hasWork: UnsafeMutablePointer<pthread_cond_t>
    /// There is a completion, or a wake.
    private let hasNews: UnsafeMutablePointer<pthread_cond_t>
    private let capacity: Int
    private var requests: [IORequest?]
    private var first = 0
    private var count = 0
    private var completions: [IOCompletion] = []
    private var isWoken = false
    private var isClosed = false

    init(capacity: Int) {
        self.capacity = capacity
        requests = Array(repeating: nil, count: capacity)
        completions.reserveCapacity(capacity)
        mutex = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        hasWork = .allocate(capacity: 1)
        hasNews = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(hasWork, &attributes)
        pthread_cond_init(hasNews, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(hasNews)
        pthread_cond_destroy(hasWork)
        pthread_mutex_destroy(mutex)
        hasNews.deallocate()
        hasWork.deallocate()
        mutex.deallocate()
    }

    private func locked<Value>(_ body: () -> Value) -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    func put(_ request: IORequest) {
        locked {
            precondition(count < capacity, "the queue is full")
            requests[(first + count) % capacity] = request
            count += 1
            pthread_cond_signal(hasWork)
        }
    }

    /// The oldest request; `nil` once the queue is closed.
    func take() -> IORequest? {
        locked {
            while count == 0 && !isClosed { pthread_cond_wait(hasWork, mutex) }
            guard !isClosed else { return nil }
            defer {
                requests[first] = nil
                first = (first + 1) % capacity
                count -= 1
            }
            return requests[first]
        }
    }

    func complete(_ completion: IOCompletion) {
        locked {
            completions.append(completion)
            pthread_cond_signal(hasNews)
        }
    }

    func wake() {
        locked {
            isWoken = true
            pthread_cond_signal(hasNews)
        }
    }

    /// Lets threads end once their request is done; requests not yet taken are forgotten.
    func close() {
        locked {
            isClosed = true
            pthread_cond_broadcast(hasWork)
        }
    }

    /// Moves completions to the end of `taken`; returns without any after a wake, or at the deadline.
    func waitForCompletions(_ taken: inout [IOCompletion], deadline: UInt64?) {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while completions.isEmpty && !isWoken {
            guard let deadline else {
                pthread_cond_wait(hasNews, mutex)
                continue
            }
            var time = timespec(
                tv_sec: Int(clamping: deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
            if pthread_cond_timedwait(hasNews, mutex, &time) == ETIMEDOUT { break }
        }
        isWoken = false
        taken.append(contentsOf: completions)
        completions.removeAll(keepingCapacity: true)
    }
}
