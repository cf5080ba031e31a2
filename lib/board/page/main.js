document.title = 'Locks';
