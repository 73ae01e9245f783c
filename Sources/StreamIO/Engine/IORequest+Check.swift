extension IORequest {
    /// Counts the request in the fault plan. The error number it must fail with, or 0.
    func reachFault() -> Int32 {
        if operation == .write { FaultPlan.spoil(buffer) }
        return switch operation {
        case .read: FaultPlan.reach(.read)
        case .write: FaultPlan.reach(.write)
        case .sync: FaultPlan.reach(.sync)
        }
    }

    /// Stops the program where a direct transfer is not aligned.
    func checkAlignment() {
        guard file.isDirect, operation != .sync else { return }
        let mask = OpenFile.directAlignment - 1
        let address = Int(bitPattern: buffer.baseAddress)
        precondition(
            offset & UInt64(mask) == 0 && buffer.count & mask == 0 && address & mask == 0,
            "direct transfers are whole blocks: \(buffer.count) bytes at \(offset), memory at \(address)")
    }
}
