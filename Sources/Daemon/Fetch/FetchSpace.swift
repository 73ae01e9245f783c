import StreamIO
import SystemPackage

/// How much of the disk fetched models may fill.
enum FetchSpace: Hashable, Sendable {
    /// The disk may be filled up to this share of it, from 0 to 1, whatever it is that fills it.
    case share(Double)
    /// Fetched models may take so many bytes in all.
    case bytes(UInt64)

    /// Where nobody says: a disk that is full stops everybody.
    static let usual = FetchSpace.share(0.9)

    /// Reads `90%` or a size; `nil` for anything else.
    init?(_ text: String) {
        if text.hasSuffix("%") {
            guard let percent = Double(text.dropLast()), percent > 0, percent <= 100 else { return nil }
            self = .share(percent / 100)
        } else {
            guard let size = ByteCount(text), size.bytes > 0 else { return nil }
            self = .bytes(size.bytes)
        }
    }

    /// Bytes that lack for `wanted` more; 0 where there is room.
    ///
    /// - Parameters:
    ///   - held: what fetched models take already.
    ///   - space: of the disk.
    func missing(for wanted: UInt64, held: UInt64, on space: DiskSpace) -> UInt64 {
        var room = space.free
        switch self {
        case .share(let share):
            let reserve = UInt64(Double(space.total) * (1 - share))
            room -= min(room, reserve)
        case .bytes(let limit):
            room = min(room, limit - min(limit, held))
        }
        return wanted - min(wanted, room)
    }
}
