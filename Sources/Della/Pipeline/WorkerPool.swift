import StreamIO
import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The threads that compute. Items are started in the order given, urgent ones first; results come back in the
/// order finished.
///
/// Threads rather than tasks: each keeps its scratch memory, and none may be taken from the merge by others.
final class WorkerPool<Item: Sendable, Result: Sendable>: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let arrived: UnsafeMutablePointer<pthread_cond_t>
    private var items: [Item] = []
    private var results: [Result] = []
    private var isClosing = false
    private var threads: [pthread_t] = []
    private let perform: @Sendable (Item, _ worker: Int) -> Result
    private let notify: @Sendable () -> Void
    /// Computing is recursive nowhere and keeps its data in the arena.
    private static var stackBytes: Int { 512 << 10 }

    /// Starts `count` threads that run `perform`, or as many as the host has; `notify` is called after each result,
    /// on the worker.
    ///
    /// - Throws: where it has none at all.
    init(
        count: Int, notify: @escaping @Sendable () -> Void,
        perform: @escaping @Sendable (Item, _ worker: Int) -> Result
    ) throws(IOError) {
        self.perform = perform
        self.notify = notify
        lock = .allocate(capacity: 1)
        arrived = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(arrived, nil)
        for index in 0..<count {
            let number = start(index)
            if number != 0, index == 0 { throw IOError("start a thread", "", Errno(rawValue: number)) }
        }
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(lock)
        arrived.deallocate()
        lock.deallocate()
    }

    /// Gives an item to the next free thread, after those that wait or before them.
    func submit(_ item: Item, isUrgent: Bool = false) {
        pthread_mutex_lock(lock)
        if isUrgent { items.insert(item, at: 0) } else { items.append(item) }
        pthread_mutex_unlock(lock)
        pthread_cond_signal(arrived)
    }

    /// Moves the results that are there into `finished`.
    func collect(into finished: inout [Result]) {
        pthread_mutex_lock(lock)
        finished.append(contentsOf: results)
        results.removeAll(keepingCapacity: true)
        pthread_mutex_unlock(lock)
    }

    /// Waits for the items submitted, then ends the threads. The pool is of no use afterwards.
    func close() {
        pthread_mutex_lock(lock)
        isClosing = true
        pthread_mutex_unlock(lock)
        pthread_cond_broadcast(arrived)
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }

    /// Starts a thread. The error number, or 0.
    private func start(_ index: Int) -> Int32 {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, Self.stackBytes)
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(ThreadStart { self.work(index) })
        let status = pthread_create(
            &thread, &attributes,
            { pointer in
                guard let pointer else { return nil }
                Unmanaged<ThreadStart>.fromOpaque(pointer).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        if status == 0 { threads.append(thread) } else { argument.release() }
        return status
    }

    private func work(_ worker: Int) {
        pthread_mutex_lock(lock)
        while true {
            if items.isEmpty {
                if isClosing { break }
                pthread_cond_wait(arrived, lock)
                continue
            }
            let item = items.removeFirst()
            pthread_mutex_unlock(lock)
            let result = perform(item, worker)
            pthread_mutex_lock(lock)
            results.append(result)
            pthread_mutex_unlock(lock)
            notify()
            pthread_mutex_lock(lock)
        }
        pthread_mutex_unlock(lock)
    }
}

/// What a new thread is handed. Not nested: C functions cannot be generic.
private final class ThreadStart {
    let run: () -> Void

    init(_ run: @escaping () -> Void) { self.run = run }
}
