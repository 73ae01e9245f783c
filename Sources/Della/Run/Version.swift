/// The program's version, as `--version`, logs and `dellad.json` give it.
public enum Version {
    public static let current = "0.1.0"
}
