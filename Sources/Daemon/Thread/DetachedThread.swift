import CDaemon
import Glibc
import StreamIO
import SystemPackage

/// A thread of the system's own, for work that blocks.
enum DetachedThread {
    /// Bytes of its stack.
    private static let stackSize = 8 << 20

    /// Lets this thread rest.
    static func sleep(_ time: Duration) { usleep(UInt32(max(0, min(time, .seconds(60)) / .microseconds(1)))) }

    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    /// Runs `body` on a new thread, whose crashes are noted as others are.
    static func start(_ body: @escaping @Sendable () -> Void) throws(IOError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackSize)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let number = pthread_create(
            &thread, &attributes,
            { context in
                dellad_prepare_thread()
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        guard number == 0 else {
            work.release()
            throw IOError("start a thread", "", Errno(rawValue: number))
        }
    }
}
